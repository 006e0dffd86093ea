package chainsaga.jvm;

import chainsaga.jvm.inside.Answer;
import chainsaga.jvm.inside.Asked;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import io.temporal.activity.DynamicActivity;
import io.temporal.client.ActivityCompletionException;
import io.temporal.client.ActivityWorkerShutdownException;
import io.temporal.common.converter.EncodedValues;
import io.temporal.failure.ApplicationErrorCategory;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Every step of a script as Temporal's activity, whatever its type: heartbeats that carry the
 * attempts' log, cancellation, and failures as the workflow reads them.
 */
public final class ScriptActivity implements DynamicActivity {
  /** Of these the log is to speak: nobody chose them. */
  private static final Set<String> UNEXPECTED = Set.of("SCRIPT_INVALID", "ENGINE_DOWN");

  private static final Logger LOG = LoggerFactory.getLogger(ScriptActivity.class);

  /** Most time between beats: by them a step learns that it is cancelled. */
  private static final Duration BEAT = Duration.ofSeconds(1);

  private final ScriptProcesses processes;
  private final Duration limit;
  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          work -> {
            Thread thread = new Thread(work, "script-run");
            thread.setDaemon(true);
            return thread;
          });

  /**
   * @param limit the most that a run may take
   */
  ScriptActivity(ScriptProcesses processes, Duration limit) {
    this.processes = processes;
    this.limit = limit;
  }

  @Override
  public Object execute(EncodedValues arguments) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    StepRequest request = arguments.get(0, StepRequest.class);
    if (request.script() == null) {
      String words = "'" + context.getInfo().getActivityType() + "' is not run by the JVM worker";
      throw ApplicationFailure.newNonRetryableFailure(words, "NotAScript");
    }
    AttemptLog log = context.getHeartbeatDetails(AttemptLog.class).orElse(AttemptLog.NONE);
    try {
      return awaited(context, request, log);
    } catch (StepFailed failed) {
      beatOnceMore(context, failed.log());
      throw failure(failed);
    }
  }

  /** The reply of the attempt, which a thread of its own waits for while this one beats. */
  private StepReply awaited(
      ActivityExecutionContext context, StepRequest request, AttemptLog log) throws StepFailed {
    ActivityInfo info = context.getInfo();
    Ticket ticket = new Ticket();
    Attempts attempts = new Attempts((asked, time) -> run(request, asked, time, ticket), limit);
    Future<StepReply> reply =
        threads.submit(() -> attempts.attempt(request, info.getAttempt(), log));
    long beat = Math.max(interval(info).toMillis(), 1);
    try {
      while (true) {
        try {
          return reply.get(beat, TimeUnit.MILLISECONDS);
        } catch (TimeoutException runs) {
          beat(context, log);
        }
      }
    } catch (ExecutionException error) {
      if (error.getCause() instanceof StepFailed failed) {
        throw failed;
      }
      throw new IllegalStateException("an attempt broke off", error.getCause());
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the worker stops", stopped);
    } finally {
      // Where the attempt is over this does nothing; else an undo must not begin before its end.
      ticket.giveUp();
      settled(reply);
    }
  }

  private Answer run(
      StepRequest request, Asked asked, Duration time, Ticket ticket)
      throws InterruptedException {
    var answer = processes.run(asked, time, ticket);
    if (!answer.printed().isEmpty()) {
      String words = answer.printed().strip();
      LOG.info("script {} at {} printed: {}", request.component(), request.path(), words);
    }
    return answer;
  }

  private static Duration interval(ActivityInfo info) {
    Duration timeout = info.getHeartbeatTimeout();
    if (timeout == null || timeout.isZero()) {
      return BEAT;
    }
    Duration third = timeout.dividedBy(3);
    return third.compareTo(BEAT) < 0 ? third : BEAT;
  }

  /** Throws ActivityCompletionException when the step is cancelled, or not this worker's more. */
  private static void beat(ActivityExecutionContext context, AttemptLog log) {
    try {
      context.heartbeat(log);
    } catch (ActivityWorkerShutdownException stopping) {
      LOG.debug("a step goes on while the worker stops");
    }
  }

  private static void beatOnceMore(ActivityExecutionContext context, AttemptLog log) {
    try {
      context.heartbeat(log);
    } catch (ActivityCompletionException late) {
      LOG.debug("the step was cancelled as it failed");
    }
  }

  private static void settled(Future<?> reply) {
    try {
      reply.get();
    } catch (ExecutionException told) {
      LOG.debug("an attempt ended with a failure");
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  private static ApplicationFailure failure(StepFailed failed) {
    StepFailure failure = failed.failure();
    boolean usual = failure.refused() && !UNEXPECTED.contains(failure.error().code());
    ApplicationFailure told =
        ApplicationFailure.newBuilder()
            .setMessage(failure.error().message())
            .setType(failure.error().type())
            .setDetails(failure)
            .setNonRetryable(failed.last())
            .setCategory(
                usual
                    ? ApplicationErrorCategory.BENIGN
                    : ApplicationErrorCategory.UNSPECIFIED)
            .build();
    // Of this worker; where the script failed is in the message.
    told.setStackTrace(new StackTraceElement[0]);
    return told;
  }
}
