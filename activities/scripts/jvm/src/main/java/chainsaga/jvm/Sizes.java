package chainsaga.jvm;

import chainsaga.jvm.inside.PlainJson;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** Limits of what a step may answer; those of {@code rules/sizes.py}. */
final class Sizes {
  /** Bytes of output and writes together, as JSON. */
  static final int OUTPUT = 256 * 1024;

  /** Characters of a message. */
  static final int MESSAGE = 2_000;

  /** Characters of a type or a code. */
  static final int CODE = 128;

  private Sizes() {}

  /** Bytes of an answer. */
  static long of(Object output, List<Map<String, Object>> operations) {
    return of(output) + of(operations);
  }

  /** Bytes of what is written to the context. */
  static long of(List<Map<String, Object>> operations) {
    long size = 0;
    for (Map<String, Object> operation : operations) {
      size += of(operation.get("value"));
      size += operation.get("key").toString().getBytes(StandardCharsets.UTF_8).length;
    }
    return size;
  }

  /** Words of at most {@code limit} characters, and a mark where they were cut. */
  static String cut(String words, int limit) {
    int whole = words.codePointCount(0, words.length());
    return whole <= limit ? words : words.substring(0, words.offsetByCodePoints(0, limit)) + " …";
  }

  private static long of(Object value) {
    try {
      return PlainJson.MAPPER.writeValueAsBytes(value).length;
    } catch (JsonProcessingException error) {
      throw new IllegalStateException("what was read as JSON is none", error);
    }
  }
}
