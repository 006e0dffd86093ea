package chainsaga.jvm;

import chainsaga.jvm.inside.Answer;
import chainsaga.jvm.inside.Asked;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.stream.IntStream;

/** The processes in which this worker runs scripts; each runs one at a time. */
final class ScriptProcesses implements AutoCloseable {
  private static final Duration IDLE = Duration.ofSeconds(60);

  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "script-clock");
            thread.setDaemon(true);
            return thread;
          });
  private final List<ScriptChild> all;
  private final BlockingQueue<ScriptChild> free;

  /**
   * @param count how many there are
   * @param memory MiB of each one's heap
   */
  ScriptProcesses(int count, int memory) {
    all = IntStream.range(0, count).mapToObj(at -> new ScriptChild(memory, clock)).toList();
    free = new ArrayBlockingQueue<>(count, false, all);
  }

  /** Start all of them, with all engines; what fails says so when a step needs it. */
  void warm() {
    List<Thread> starting = all.stream().map(child -> new Thread(() -> warm(child))).toList();
    starting.forEach(Thread::start);
    for (Thread each : starting) {
      try {
        each.join();
      } catch (InterruptedException stopped) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static void warm(ScriptChild child) {
    for (String language : List.of("groovy", "java", "qlexpress")) {
      child.ask(Questions.idle(language), IDLE, new Ticket());
    }
  }

  /**
   * Run a script as soon as a process is free, for {@code limit} at most; what it does throws
   * nothing. Returns soon after the ticket was given up.
   */
  Answer run(Asked asked, Duration limit, Ticket ticket) throws InterruptedException {
    ScriptChild child = free.take();
    try {
      return child.ask(asked, limit, ticket);
    } finally {
      free.add(child);
    }
  }

  /** Kill all of them. */
  @Override
  public void close() {
    clock.shutdownNow();
    all.forEach(ScriptChild::close);
  }
}
