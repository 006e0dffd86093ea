package com.yomahub.liteflow.script.body;

/** What a class implements that chooses a target. */
public interface JaninoSwitchScriptBody extends JaninoScriptBody<String> {}
