package com.yomahub.liteflow.script.body;

import com.yomahub.liteflow.script.ScriptExecuteWrap;

/** A script in Java that is a class, as LiteFlow asks for it. */
public interface JaninoScriptBody<T> {
  /** What the component does, and its answer. */
  T body(ScriptExecuteWrap wrap);
}
