package com.yomahub.liteflow.script.body;

/** What a class implements that is a common component. */
public interface JaninoCommonScriptBody extends JaninoScriptBody<Void> {}
