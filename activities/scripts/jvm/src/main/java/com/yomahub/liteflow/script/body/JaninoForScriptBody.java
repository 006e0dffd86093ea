package com.yomahub.liteflow.script.body;

/** What a class implements that says how many passes a loop has. */
public interface JaninoForScriptBody extends JaninoScriptBody<Integer> {}
