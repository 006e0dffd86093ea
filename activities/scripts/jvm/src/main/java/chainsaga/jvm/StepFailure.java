package chainsaga.jvm;

import java.util.List;
import java.util.Map;

/**
 * A step that did not complete, after this attempt ({@code rules/wire.py}).
 *
 * @param outcome FAILED if every attempt refused, else UNKNOWN
 */
public record StepFailure(
    String outcome, Info error, List<Map<String, Object>> operations, int attempts) {

  /** {@code ErrorInfo} of {@code rules/execution.py}. */
  public record Info(
      String type, String message, String code, Map<String, Object> details, List<String> kinds) {}

  /** Whether nothing happened. */
  public boolean refused() {
    return "FAILED".equals(outcome);
  }
}
