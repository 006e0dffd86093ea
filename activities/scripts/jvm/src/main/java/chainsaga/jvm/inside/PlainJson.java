package chainsaga.jvm.inside;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.temporal.TemporalAccessor;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Values of scripts as JSON: maps, lists, texts, numbers, booleans and null, all of them copies. */
public final class PlainJson {
  /** Takes what it knows and leaves the rest. */
  public static final ObjectMapper MAPPER =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  private static final int DEEPEST = 200;
  private static final BigInteger LEAST_LONG = BigInteger.valueOf(Long.MIN_VALUE);
  private static final BigInteger MOST_LONG = BigInteger.valueOf(Long.MAX_VALUE);

  private PlainJson() {}

  /**
   * A copy of a value that is JSON, or has a text that everybody would write for it.
   *
   * @throws IllegalArgumentException when it is no JSON, says what is none
   */
  public static Object of(Object value) {
    return plain(value, 0);
  }

  /**
   * A value as a type. A text is read as JSON where the type is no text.
   *
   * @throws IllegalArgumentException when it is none
   */
  public static <T> T as(Object value, Class<T> type) {
    if (value == null || type.isInstance(value)) {
      return type.cast(value);
    }
    try {
      if (value instanceof String text) {
        return MAPPER.readValue(text, type);
      }
      return MAPPER.convertValue(value, type);
    } catch (JsonProcessingException error) {
      throw new IllegalArgumentException(error.getOriginalMessage(), error);
    }
  }

  private static Object plain(Object value, int depth) {
    if (depth > DEEPEST) {
      throw new IllegalArgumentException("it is nested more than " + DEEPEST + " levels deep");
    }
    if (value == null || value instanceof Boolean || value instanceof String) {
      return value;
    }
    if (value instanceof Number number) {
      return number(number);
    }
    if (value instanceof Map<?, ?> map) {
      return map(map, depth);
    }
    if (value instanceof Iterable<?> items) {
      return list(items, depth);
    }
    if (value.getClass().isArray()) {
      return array(value, depth);
    }
    return text(value);
  }

  private static Object number(Number number) {
    if (number instanceof Byte || number instanceof Short) {
      return number.intValue();
    }
    if (number instanceof BigInteger big) {
      boolean fits = big.compareTo(LEAST_LONG) >= 0 && big.compareTo(MOST_LONG) <= 0;
      return fits ? small(big.longValue()) : big;
    }
    boolean known =
        number instanceof Integer
            || number instanceof Long
            || number instanceof BigDecimal
            || number instanceof Double
            || number instanceof Float;
    if (!known) {
      return number(new BigDecimal(number.toString()));
    }
    if (!Double.isFinite(number.doubleValue())) {
      throw new IllegalArgumentException(number + " is no number of JSON");
    }
    return number;
  }

  private static Object small(long number) {
    return (int) number == number ? (Object) (int) number : (Object) number;
  }

  private static Object map(Map<?, ?> map, int depth) {
    Map<String, Object> copy = new LinkedHashMap<>();
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      copy.put(String.valueOf(entry.getKey()), plain(entry.getValue(), depth + 1));
    }
    return copy;
  }

  private static Object list(Iterable<?> items, int depth) {
    List<Object> copy = new ArrayList<>();
    for (Object item : items) {
      copy.add(plain(item, depth + 1));
    }
    return copy;
  }

  private static Object array(Object array, int depth) {
    List<Object> copy = new ArrayList<>();
    for (int at = 0; at < Array.getLength(array); at++) {
      copy.add(plain(Array.get(array, at), depth + 1));
    }
    return copy;
  }

  private static Object text(Object value) {
    if (value instanceof Enum<?> constant) {
      return constant.name();
    }
    if (value instanceof Date date) {
      return date.toInstant().toString();
    }
    if (value instanceof CharSequence
        || value instanceof Character
        || value instanceof UUID
        || value instanceof TemporalAccessor) {
      return value.toString();
    }
    throw new IllegalArgumentException("a " + value.getClass().getName() + " is no JSON");
  }
}
