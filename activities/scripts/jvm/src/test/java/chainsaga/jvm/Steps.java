package chainsaga.jvm;

import chainsaga.jvm.inside.PlainJson;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Requests of steps for tests. */
final class Steps {
  private Steps() {}

  static StepRequest step(String language, String text) {
    return step(language, text, Map.of());
  }

  /** A common script, with further fields of its request. */
  static StepRequest step(String language, String text, Map<String, Object> more) {
    Map<String, Object> request = new HashMap<>();
    request.put(
        "saga",
        Map.of(
            "tenant", "1",
            "execution_id", "e",
            "chain", "main",
            "rule_version", 1,
            "first_run_id", "r"));
    request.put("seq", 1);
    request.put("path", "0");
    request.put("component", "cmp");
    request.put(
        "script",
        Map.of(
            "kind", "common", "language", language, "text", text, "sha", language + "\n" + text));
    request.putAll(more);
    return PlainJson.MAPPER.convertValue(request, StepRequest.class);
  }

  /** A failure's error, with what rules may know it by. */
  static StepFailure.Info error(String type, String... kinds) {
    return new StepFailure.Info(type, "", "SCRIPT_FAILED", Map.of(), List.of(kinds));
  }
}
