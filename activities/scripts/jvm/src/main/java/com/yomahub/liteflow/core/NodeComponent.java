package com.yomahub.liteflow.core;

import chainsaga.jvm.inside.Asked;
import chainsaga.jvm.inside.PlainJson;
import chainsaga.jvm.inside.Refusal;
import chainsaga.jvm.inside.Told;
import com.yomahub.liteflow.slot.DefaultContext;
import java.util.List;

/**
 * {@code _meta.cmp}: what LiteFlow's component can be asked, as far as it means something here.
 *
 * <p>Has the name that scripts written for LiteFlow know. {@link #refuse} is ours.
 */
@SuppressWarnings("unchecked") // as LiteFlow has it: the script says what it expects
public final class NodeComponent {
  private final Asked asked;
  private final Told told;
  private final DefaultContext context;

  public NodeComponent(Asked asked, Told told, DefaultContext context) {
    this.asked = asked;
    this.told = told;
    this.context = context;
  }

  /** End the whole flow well once this step has completed. */
  public void setIsEnd(boolean end) {
    told.wishEnd(end);
  }

  /** Fail as one who did nothing: the step needs no undo. Throws {@link Refusal}. */
  public void refuse(String message) {
    throw new Refusal(message);
  }

  /** The same with a code of the script's own. */
  public void refuse(String message, String code) {
    throw new Refusal(message, code);
  }

  /** The component's id. */
  public String getNodeId() {
    return asked.nodeId();
  }

  /** Its name. */
  public String getName() {
    return asked.name();
  }

  /** Its id, with its name behind it if it has one. */
  public String getDisplayName() {
    return asked.name() == null ? getNodeId() : getNodeId() + "(" + asked.name() + ")";
  }

  /** Its tag in the chain. */
  public String getTag() {
    return asked.tag();
  }

  /** The chain that was started. */
  public String getChainId() {
    return asked.chain();
  }

  /** The same by its old name. */
  public String getChainName() {
    return asked.chain();
  }

  /** The chain in whose text the step stands. */
  public String getCurrChainId() {
    return asked.currChainId();
  }

  /** Always 0. */
  public Integer getSlotIndex() {
    return 0;
  }

  /** Whether it undoes. */
  public boolean isRollback() {
    return asked.undo() != null;
  }

  /** The request of the saga. */
  public <T> T getRequestData() {
    return (T) asked.requestData();
  }

  /** What the chain gives by {@code .data}. */
  public <T> T getCmpData() {
    return (T) asked.cmpData();
  }

  /** The same as a type: one of Java's own, or a bean. */
  public <T> T getCmpData(Class<T> type) {
    return PlainJson.as(asked.cmpData(), type);
  }

  /** What the chain gives by {@code .bind}. */
  public <T> T getBindData(String key) {
    return (T) asked.bind().get(key);
  }

  /** The same as a type. */
  public <T> T getBindData(String key, Class<T> type) {
    return PlainJson.as(asked.bind().get(key), type);
  }

  /** The pass of the innermost loop, from 0. */
  public Integer getLoopIndex() {
    return getPreNLoopIndex(0);
  }

  /** That of the loop around it. */
  public Integer getPreLoopIndex() {
    return getPreNLoopIndex(1);
  }

  /** That of the loop so many levels further out. */
  public Integer getPreNLoopIndex(int levels) {
    return (Integer) fromInside(asked.indexes(), levels);
  }

  /** The object of the innermost ITERATOR. */
  public <T> T getCurrLoopObj() {
    return getPreNLoopObj(0);
  }

  /** That of the ITERATOR around it. */
  public <T> T getPreLoopObj() {
    return getPreNLoopObj(1);
  }

  /** That of the ITERATOR so many further out. */
  public <T> T getPreNLoopObj(int levels) {
    return (T) fromInside(asked.objects(), levels);
  }

  /** For the head of a SWITCH: the ids to choose from. */
  public List<String> getTargetList() {
    return asked.targets();
  }

  /** The shared data. */
  public <T> T getFirstContextBean() {
    return (T) context;
  }

  /** The shared data; there is no other bean. */
  public <T> T getContextBean(Class<T> type) {
    return type.cast(context);
  }

  /** The shared data; there is no other bean. Throws IllegalArgumentException for other names. */
  public <T> T getContextBean(String name) {
    if (!"defaultContext".equals(name)) {
      throw new IllegalArgumentException("there is no context '" + name + "'");
    }
    return (T) context;
  }

  /** Hand a value to the steps of another component. */
  public <T> void sendPrivateDeliveryData(String component, T value) {
    told.write("append", asked.delivered() + component, PlainJson.of(value));
  }

  /** The first value that others handed to this one, and that is left; null without. */
  public <T> T getPrivateDeliveryData() {
    if (asked.deliveries().isEmpty()) {
      return null;
    }
    told.write("take", asked.delivered() + getNodeId(), null);
    return (T) asked.deliveries().remove(0);
  }

  private static Object fromInside(List<?> values, int levels) {
    int at = values.size() - 1 - levels;
    return levels < 0 || at < 0 ? null : values.get(at);
  }
}
