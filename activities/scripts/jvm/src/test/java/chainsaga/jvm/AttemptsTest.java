package chainsaga.jvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import chainsaga.jvm.inside.Answer;
import chainsaga.jvm.inside.Answer.Trouble;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How attempts are counted and judged, with answers made up. */
class AttemptsTest {
  private static final Duration LIMIT = Duration.ofSeconds(5);

  @ParameterizedTest
  @CsvSource({
    // code, refused by the script; attempt; answered, unknown before -> outcome, last
    "SCRIPT_FAILED, false, 1, 0, false, UNKNOWN, false",
    "SCRIPT_FAILED, false, 3, 2, true, UNKNOWN, true",
    "NO_STOCK, true, 1, 0, false, FAILED, false",
    "NO_STOCK, true, 3, 2, false, FAILED, true",
    "NO_STOCK, true, 2, 1, true, UNKNOWN, false",
    "NO_STOCK, true, 3, 1, false, UNKNOWN, false",
    "SCRIPT_INVALID, false, 1, 0, false, FAILED, true",
    "SCRIPT_INVALID, true, 1, 0, false, FAILED, false",
    "ENGINE_DOWN, false, 1, 0, false, FAILED, false",
    "SCRIPT_TIMEOUT, false, 1, 0, false, UNKNOWN, false",
    "SCRIPT_MEMORY, false, 1, 0, false, UNKNOWN, false",
    "BAD_OUTPUT, false, 1, 0, false, UNKNOWN, true",
  })
  void outcomes(
      String code,
      boolean refused,
      int number,
      int answered,
      boolean unknown,
      String outcome,
      boolean last) {
    Trouble trouble = new Trouble(code, "T", "m", 4, List.of(), refused);
    AttemptLog log = new AttemptLog(answered, unknown, 0, 0, false);
    StepFailed failed = failed(Map.of("answers", 3), Answer.failed(trouble), number, log);
    assertEquals(outcome, failed.failure().outcome());
    assertEquals(last, failed.last());
    assertEquals(answered + 1, failed.log().answered());
    assertEquals(!outcome.equals("FAILED"), failed.log().unknown());
    assertEquals(number, failed.failure().attempts());
  }

  @ParameterizedTest
  @CsvSource({"5, 0, true", "4, 0, false", "5, 1, false", "2, 0, false"})
  void tooManyLostAttempts(int number, int answered, boolean ends) throws Exception {
    AttemptLog log = new AttemptLog(answered, false, 0, 0, false);
    if (ends) {
      StepFailed failed = failed(Map.of("answers", 9), answer(1), number, log);
      assertEquals("ATTEMPTS_LOST", failed.failure().error().code());
      assertEquals("UNKNOWN", failed.failure().outcome());
      assertEquals(true, failed.last());
    } else {
      var reply = attempts(answer(1), null).attempt(step(Map.of("answers", 9)), number, log);
      assertEquals(1, reply.output());
    }
  }

  @ParameterizedTest
  @CsvSource({"1, false", "2, true", "3, false", "4, true", "6, true"})
  void betweenRoundsTheTypeDecides(int number, boolean last) {
    Trouble trouble = Trouble.of("SCRIPT_FAILED", "IllegalStateException", "m");
    AttemptLog log = new AttemptLog(number - 1, true, 0, 0, false);
    Map<String, Object> terms =
        Map.of("answers", 6, "round", 2, "retry_types", List.of("java.io.IOException"));
    assertEquals(last, failed(terms, Answer.failed(trouble), number, log).last());
    Map<String, Object> fitting =
        Map.of("answers", 6, "round", 2, "retry_types", List.of("IllegalStateException"));
    assertEquals(number == 6, failed(fitting, Answer.failed(trouble), number, log).last());
  }

  @ParameterizedTest
  @CsvSource({
    "IOException, java.io.IOException, java.lang.Exception, true",
    "IOException, java.io.IOException, RuntimeException, false",
    "Mine, a.Mine, java.lang.RuntimeException, true",
    "Mine, a.Mine, b.Mine, true",
    "Mine, a.Base, a.Base, true",
    "Mine, a.Mine, a.Other, false",
  })
  void typesOfFailures(String type, String kind, String named, boolean fits) {
    assertEquals(fits, FailureTypes.match(Steps.error(type, kind), List.of(named)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "boolean|true|true",
        "boolean|1|false",
        "switch|\"a\"|true",
        "switch|null|true",
        "switch|1|false",
        "for|3|true",
        "for|3.0|false",
        "for|true|false",
        "iterator|[]|true",
        "iterator|{}|false",
        "common|{}|true",
      })
  void kinds(String kind, String json, boolean fits) throws Exception {
    Object value = chainsaga.jvm.inside.PlainJson.MAPPER.readValue(json, Object.class);
    var script = Map.of("kind", kind, "language", "java", "text", "", "sha", "s");
    if (fits) {
      var reply =
          attempts(answer(value), null)
              .attempt(step(Map.of("script", script)), 1, AttemptLog.NONE);
      assertEquals(value, reply.output());
    } else {
      StepFailed failed = failed(Map.of("script", script), answer(value), 1, AttemptLog.NONE);
      assertEquals("BAD_OUTPUT", failed.failure().error().code());
    }
  }

  @Test
  void outputAndWritesTogetherMayNotBeTooLarge() throws Exception {
    Map<String, Object> write = new HashMap<>();
    write.put("op", "set");
    write.put("key", "kk");
    write.put("value", "é".repeat(100));
    // 202 for the value, 2 for the key, 2 for the output's quotes.
    String most = "x".repeat(Sizes.OUTPUT - 206);
    var fits = new Answer(most, List.of(write), false, "", false, null);
    assertEquals(most, attempts(fits, null).attempt(step(Map.of()), 1, AttemptLog.NONE).output());
    var large = new Answer(most + "x", List.of(write), false, "", false, null);
    StepFailed failed = failed(Map.of("answers", 3), large, 1, AttemptLog.NONE);
    assertEquals("OUTPUT_TOO_LARGE", failed.failure().error().code());
    assertEquals(List.of(), failed.failure().operations());
  }

  @ParameterizedTest
  @CsvSource({"1.5, 1500", "60, 5000"})
  void theLesserLimitCounts(double timeout, long milliseconds) throws Exception {
    List<Duration> given = new ArrayList<>();
    attempts(answer(1), given).attempt(step(Map.of("timeout", timeout)), 1, AttemptLog.NONE);
    assertEquals(List.of(Duration.ofMillis(milliseconds)), given);
  }

  @Test
  void aWishOfAnEarlierAttemptOfTheRoundCounts() throws Exception {
    AttemptLog wished = new AttemptLog(1, true, 0, 0, true);
    Map<String, Object> one = Map.of("answers", 4, "round", 2);
    assertEquals(true, attempts(answer(1), null).attempt(step(one), 2, wished).end());
    AttemptLog roundOver = new AttemptLog(2, true, 0, 0, true);
    assertEquals(false, attempts(answer(1), null).attempt(step(one), 3, roundOver).end());
    Map<String, Object> undo =
        Map.of("answers", 4, "undo", Map.of("component", "c", "outcome", "UNKNOWN"));
    assertEquals(false, attempts(answer(1), null).attempt(step(undo), 2, wished).end());
  }

  private static Answer answer(Object value) {
    return new Answer(value, List.of(), false, "", false, null);
  }

  private static Attempts attempts(Answer answer, List<Duration> given) {
    return new Attempts(
        (asked, limit) -> {
          if (given != null) {
            given.add(limit);
          }
          return answer;
        },
        LIMIT);
  }

  private static StepFailed failed(
      Map<String, Object> more, Answer answer, int number, AttemptLog log) {
    return assertThrows(
        StepFailed.class, () -> attempts(answer, null).attempt(step(more), number, log));
  }

  private static StepRequest step(Map<String, Object> more) {
    return Steps.step("java", "return 1;", more);
  }
}
