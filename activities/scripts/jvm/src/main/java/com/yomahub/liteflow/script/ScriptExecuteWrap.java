package com.yomahub.liteflow.script;

import com.yomahub.liteflow.core.NodeComponent;
import java.util.Map;

/**
 * {@code _meta} as scripts in Java get it. Fields and getters are LiteFlow's, but for the last
 * four, which are ours.
 */
public final class ScriptExecuteWrap {
  public final int slotIndex = 0;
  public final String currChainId;
  public final String nodeId;
  public final String tag;
  public final Object cmpData;
  public final Integer loopIndex;
  public final Object loopObject;
  public final NodeComponent cmp;
  public final Object requestData;
  public final Object subRequestData;
  public final Object undo;
  public final String key;

  /**
   * @param meta the map that scripts in other languages get
   */
  public ScriptExecuteWrap(Map<String, Object> meta) {
    currChainId = (String) meta.get("currChainId");
    nodeId = (String) meta.get("nodeId");
    tag = (String) meta.get("tag");
    cmpData = meta.get("cmpData");
    loopIndex = (Integer) meta.get("loopIndex");
    loopObject = meta.get("loopObject");
    cmp = (NodeComponent) meta.get("cmp");
    requestData = meta.get("requestData");
    subRequestData = meta.get("subRequestData");
    undo = meta.get("undo");
    key = (String) meta.get("key");
  }

  /** Always 0. */
  public int getSlotIndex() {
    return slotIndex;
  }

  /** The chain in whose text the step stands. */
  public String getCurrChainId() {
    return currChainId;
  }

  /** The same by its old name. */
  public String getCurrChainName() {
    return currChainId;
  }

  /** The component's id. */
  public String getNodeId() {
    return nodeId;
  }

  /** Its tag in the chain. */
  public String getTag() {
    return tag;
  }

  /** What the chain gives by {@code .data}, as JSON if it is some. */
  public Object getCmpData() {
    return cmpData;
  }

  /** The pass of the innermost loop, from 0. */
  public Integer getLoopIndex() {
    return loopIndex;
  }

  /** The object of the innermost ITERATOR. */
  public Object getLoopObject() {
    return loopObject;
  }

  /** The component. */
  public NodeComponent getCmp() {
    return cmp;
  }

  /** The request of the saga. */
  public Object getRequestData() {
    return requestData;
  }

  /** What a step that ran the chain gave it, in whose text the step stands; else null. */
  public Object getSubRequestData() {
    return subRequestData;
  }

  /** What a script is told that undoes: a map; else null. */
  public Object getUndo() {
    return undo;
  }

  /** The idempotency key of the step, or of its undo. */
  public String getKey() {
    return key;
  }
}
