package chainsaga.jvm;

import java.time.Duration;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** Kills a process unless it is closed in time. */
final class Deadline implements AutoCloseable {
  private final ScheduledFuture<?> end;
  private volatile boolean over;

  Deadline(ScheduledExecutorService clock, Process process, Duration limit) {
    end =
        clock.schedule(
            () -> {
              over = true;
              process.destroyForcibly();
            },
            limit.toMillis(),
            TimeUnit.MILLISECONDS);
  }

  /** Whether the time was over. */
  boolean over() {
    return over;
  }

  @Override
  public void close() {
    end.cancel(false);
  }
}
