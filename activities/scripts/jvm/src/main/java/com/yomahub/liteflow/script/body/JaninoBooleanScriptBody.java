package com.yomahub.liteflow.script.body;

/** What a class implements that is a condition. */
public interface JaninoBooleanScriptBody extends JaninoScriptBody<Boolean> {}
