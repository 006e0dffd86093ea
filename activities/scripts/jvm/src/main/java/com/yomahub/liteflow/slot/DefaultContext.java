package com.yomahub.liteflow.slot;

import chainsaga.jvm.inside.PlainJson;
import chainsaga.jvm.inside.Told;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The shared data as of the step's start, with the script's own writes on top.
 *
 * <p>Has the name that scripts written for LiteFlow know. Writes are operations, which travel with
 * the outcome of the step; what is read is a copy.
 */
public final class DefaultContext {
  private final Map<String, Object> values;
  private final Told told;

  /**
   * @param values the data as it was sent
   * @param told what gets the writes
   */
  public DefaultContext(Map<String, Object> values, Told told) {
    this.values = new HashMap<>(values);
    this.told = told;
  }

  /** The value of a key; null without one. */
  @SuppressWarnings("unchecked") // as LiteFlow has it: the script says what it expects
  public <T> T getData(String key) {
    return (T) values.get(key);
  }

  /** Whether there is a value, be it null. */
  public boolean hasData(String key) {
    return values.containsKey(key);
  }

  /**
   * Put a value under a key.
   *
   * @throws IllegalArgumentException when the value is no JSON
   */
  public <T> void setData(String key, T value) {
    Object plain = PlainJson.of(value);
    write("set", key, plain);
    values.put(key, plain);
  }

  /** Remove a key; nothing happens without one. */
  public void removeData(String key) {
    write("delete", key, null);
    values.remove(key);
  }

  /**
   * Add to a number, of which an absent one is 0; safe beside other steps.
   *
   * @throws IllegalArgumentException when either is no finite number
   */
  public void add(String key, Number amount) {
    Object plain = PlainJson.of(amount);
    Object before = values.getOrDefault(key, 0);
    if (!(plain instanceof Number) || !(before instanceof Number)) {
      throw new IllegalArgumentException("cannot add " + plain + " to " + key);
    }
    write("add", key, plain);
    values.put(key, sum((Number) before, (Number) plain));
  }

  /**
   * Append to a list, of which an absent one is empty; safe beside other steps.
   *
   * @throws IllegalArgumentException when the value is no JSON, or the key's is no list
   */
  public void append(String key, Object value) {
    Object plain = PlainJson.of(value);
    Object before = values.getOrDefault(key, List.of());
    if (!(before instanceof List<?> list)) {
      throw new IllegalArgumentException("cannot append to " + key + ", which is no list");
    }
    write("append", key, plain);
    List<Object> longer = new ArrayList<>(list);
    longer.add(plain);
    values.put(key, longer);
  }

  /** All of the data, to be read. */
  public Map<String, Object> getDataMap() {
    return Collections.unmodifiableMap(values);
  }

  /** Groovy's {@code defaultContext["key"]}. */
  public Object getAt(String key) {
    return values.get(key);
  }

  /** Groovy's {@code defaultContext["key"] = value}. */
  public void putAt(String key, Object value) {
    setData(key, value);
  }

  private void write(String operation, String key, Object value) {
    if (key == null) {
      throw new IllegalArgumentException("keys of the context are texts, not null");
    }
    told.write(operation, key, value);
  }

  private static Number sum(Number one, Number other) {
    if (whole(one) && whole(other)) {
      return (Number) PlainJson.of(exact(one).add(exact(other)).toBigIntegerExact());
    }
    return one.doubleValue() + other.doubleValue();
  }

  private static boolean whole(Number number) {
    return number instanceof Integer || number instanceof Long || number instanceof BigInteger;
  }

  private static BigDecimal exact(Number number) {
    return new BigDecimal(number.toString());
  }
}
