package chainsaga.jvm;

import chainsaga.jvm.inside.Answer;
import chainsaga.jvm.inside.Answer.Trouble;
import chainsaga.jvm.inside.Asked;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Runs one attempt of a step, and tells how it ended: the contract's counting of attempts, outcomes
 * and limits. Knows neither Temporal nor how a process is driven.
 */
public final class Attempts {
  private static final Set<String> NOT_BEGUN = Set.of("SCRIPT_INVALID", "ENGINE_DOWN");
  private static final Set<String> POINTLESS =
      Set.of("SCRIPT_INVALID", "BAD_OUTPUT", "OUTPUT_TOO_LARGE");

  private final Scripts scripts;
  private final Duration limit;

  /** Runs scripts, for so long at most. */
  @FunctionalInterface
  public interface Scripts {
    /** What a script does is in the answer, and throws nothing. */
    Answer run(Asked asked, Duration limit) throws InterruptedException;
  }

  /**
   * @param limit the most that a run may take, whatever its step's time-out
   */
  public Attempts(Scripts scripts, Duration limit) {
    this.scripts = scripts;
    this.limit = limit;
  }

  /**
   * Attempt {@code number}, from 1; {@code log} tells of those before it.
   *
   * @throws StepFailed with the outcome so far
   */
  public StepReply attempt(StepRequest request, int number, AttemptLog log)
      throws StepFailed, InterruptedException {
    int lost = number - 1 - log.answered();
    AttemptLog before = log.afterLosing(lost);
    if (lost > request.lostAttempts()) {
      throw attemptsLost(request, number, lost, before);
    }
    Answer answer = checked(request, scripts.run(Questions.of(request), time(request)));
    boolean end = request.undo() == null && (answer.end() || wishedBefore(request, before));
    if (answer.error() != null) {
      throw failed(request, number, before, answer, end);
    }
    int attempts = number - before.barred();
    return new StepReply(answer.value(), answer.operations(), attempts, end);
  }

  private Duration time(StepRequest request) {
    Duration own = Duration.ofMillis((long) (request.timeout() * 1000));
    return own.compareTo(limit) < 0 ? own : limit;
  }

  /** Whether an attempt of the present round wished for the end. */
  private static boolean wishedBefore(StepRequest request, AttemptLog log) {
    int own = request.round() == null ? request.answers() : request.round();
    return log.ended() && log.used() % own != 0;
  }

  /** The answer, or the failure that it is for want of fitting. */
  private static Answer checked(StepRequest request, Answer answer) {
    if (answer.error() != null) {
      return answer;
    }
    String misfit = Kinds.misfit(request.script().kind(), answer.value());
    if (misfit != null) {
      return with(answer, Trouble.of("BAD_OUTPUT", "BadOutput", misfit));
    }
    long size = Sizes.of(answer.value(), answer.operations());
    if (size > Sizes.OUTPUT) {
      String words = size + " bytes, and " + Sizes.OUTPUT + " are allowed";
      return with(answer, Trouble.of("OUTPUT_TOO_LARGE", "OutputTooLarge", words));
    }
    return answer;
  }

  private static Answer with(Answer answer, Trouble error) {
    return new Answer(
        null, answer.operations(), answer.end(), answer.printed(), answer.worn(), error);
  }

  private static StepFailed failed(
      StepRequest request, int number, AttemptLog before, Answer answer, boolean end) {
    Trouble trouble = answer.error();
    boolean refused = trouble.refused() || NOT_BEGUN.contains(trouble.code());
    AttemptLog log = before.afterAnswer(refused, end);
    StepFailure.Info info = info(request, trouble);
    StepFailure failure =
        new StepFailure(
            log.unknown() ? "UNKNOWN" : "FAILED",
            info,
            kept(trouble, answer.operations()),
            number - log.barred());
    boolean pointless = !trouble.refused() && POINTLESS.contains(trouble.code());
    return new StepFailed(failure, log, pointless || usedUp(request, log, info));
  }

  private static StepFailure.Info info(StepRequest request, Trouble trouble) {
    Map<String, Object> details = new HashMap<>();
    if (!trouble.refused()) {
      details.put("language", request.script().language());
      if (trouble.line() != null) {
        details.put("line", trouble.line());
      }
    }
    return new StepFailure.Info(
        Sizes.cut(trouble.type(), Sizes.CODE),
        Sizes.cut(message(request, trouble), Sizes.MESSAGE),
        Sizes.cut(trouble.code(), Sizes.CODE),
        details,
        trouble.kinds().stream().map(kind -> Sizes.cut(kind, Sizes.CODE)).toList());
  }

  private static String message(StepRequest request, Trouble trouble) {
    if (trouble.refused()) {
      return trouble.message();
    }
    String script = "script '" + request.component() + "'";
    String line = trouble.line() == null ? "" : ", line " + trouble.line();
    return script + line + ": " + trouble.message();
  }

  /** What a failed attempt wrote, unless it would not fit: then the failure goes without it. */
  private static List<Map<String, Object>> kept(
      Trouble trouble, List<Map<String, Object>> operations) {
    boolean large = "OUTPUT_TOO_LARGE".equals(trouble.code()) && !trouble.refused();
    return large || Sizes.of(operations) > Sizes.OUTPUT ? List.of() : operations;
  }

  /** Whether the step may answer no more; between rounds its retry looks at the type. */
  private static boolean usedUp(StepRequest request, AttemptLog log, StepFailure.Info error) {
    if (log.used() >= request.answers()) {
      return true;
    }
    boolean roundOver = request.round() != null && log.used() % request.round() == 0;
    return roundOver && !FailureTypes.match(error, request.retryTypes());
  }

  private static StepFailed attemptsLost(
      StepRequest request, int number, int lost, AttemptLog log) {
    String words =
        lost + " attempts of '" + request.component() + "' were lost without an answer";
    var error =
        new StepFailure.Info("AttemptsLost", words, "ATTEMPTS_LOST", Map.of(), List.of());
    var failure = new StepFailure("UNKNOWN", error, List.of(), number - log.barred());
    return new StepFailed(failure, log, true);
  }
}
