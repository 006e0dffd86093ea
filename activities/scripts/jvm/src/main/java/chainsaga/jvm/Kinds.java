package chainsaga.jvm;

import chainsaga.jvm.inside.PlainJson;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.math.BigInteger;
import java.util.List;

/** What components of each kind may answer; as {@code activities/answers.py}. */
final class Kinds {
  private static final int SHOWN = 60;

  private Kinds() {}

  /** Why an answer does not fit its kind; null if it does. */
  static String misfit(String kind, Object answer) {
    return switch (kind) {
      case "boolean" ->
          unless(answer instanceof Boolean, "a boolean component answers true or false", answer);
      case "switch" ->
          unless(
              answer == null || answer instanceof String,
              "a switch component answers with a target's id or tag",
              answer);
      case "for" -> unless(whole(answer), "a for component answers with a whole number", answer);
      case "iterator" ->
          unless(answer instanceof List, "an iterator component answers with a list", answer);
      default -> null;
    };
  }

  private static boolean whole(Object answer) {
    return answer instanceof Integer || answer instanceof Long || answer instanceof BigInteger;
  }

  private static String unless(boolean fits, String words, Object answer) {
    return fits ? null : words + ", not " + shown(answer);
  }

  private static String shown(Object answer) {
    try {
      String whole = PlainJson.MAPPER.writeValueAsString(answer);
      return whole.length() <= SHOWN ? whole : whole.substring(0, SHOWN);
    } catch (JsonProcessingException error) {
      return String.valueOf(answer.getClass());
    }
  }
}
