package chainsaga.jvm.inside;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import java.util.Map;

/**
 * What a run came to.
 *
 * @param value the script's answer as JSON; null where there is an error
 * @param operations what it wrote to the context
 * @param end whether it wished the end of the flow
 * @param printed the beginning of what it printed
 * @param worn whether it left something running, so that its process is of no further use
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Answer(
    Object value,
    List<Map<String, Object>> operations,
    boolean end,
    String printed,
    boolean worn,
    Trouble error) {

  /** That of a run which left nothing. */
  public static Answer failed(Trouble error) {
    return new Answer(null, List.of(), false, "", false, error);
  }

  /**
   * How a run failed.
   *
   * @param type the name of what was thrown
   * @param line in the text, from 1; null if it is not known
   * @param kinds further names of what was thrown, and those of its base classes
   * @param refused whether the script said that it did nothing
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Trouble(
      String code, String type, String message, Integer line, List<String> kinds, boolean refused) {

    /** A failure that is no exception of the script. */
    public static Trouble of(String code, String type, String message) {
      return new Trouble(code, type, message, null, List.of(), false);
    }
  }
}
