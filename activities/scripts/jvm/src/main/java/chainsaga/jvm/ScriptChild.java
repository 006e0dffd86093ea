package chainsaga.jvm;

import chainsaga.jvm.inside.Answer;
import chainsaga.jvm.inside.Answer.Trouble;
import chainsaga.jvm.inside.Asked;
import chainsaga.jvm.inside.Frames;
import chainsaga.jvm.inside.PlainJson;
import chainsaga.jvm.inside.ScriptProcess;
import java.io.DataInputStream;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * A process that runs scripts, as the worker sees it: started when it is first asked, and again
 * after its end; killed when a script overruns. For one thread at a time.
 */
final class ScriptChild implements AutoCloseable {
  private static final Duration START = Duration.ofSeconds(60);
  private static final Duration END = Duration.ofSeconds(10);

  private final List<String> command;
  private final ScheduledExecutorService clock;
  private volatile Process process;
  private DataInputStream answers;

  /**
   * @param memory MiB of its heap
   * @param clock kills what overruns
   */
  ScriptChild(int memory, ScheduledExecutorService clock) {
    this.command = command(memory);
    this.clock = clock;
  }

  /**
   * The answer, within {@code limit}; what a script does throws nothing.
   *
   * <p>Who gives the ticket up gets an answer at once, which means nothing.
   */
  Answer ask(Asked asked, Duration limit, Ticket ticket) {
    byte[] question;
    try {
      started();
      question = PlainJson.MAPPER.writeValueAsBytes(asked);
    } catch (IOException error) {
      discard();
      String words = "no process for scripts could be started: " + error.getMessage();
      return Answer.failed(Trouble.of("ENGINE_DOWN", "EngineDown", words));
    }
    Process own = process;
    if (!ticket.begin(own)) {
      return Answer.failed(Trouble.of("SCRIPT_CRASHED", "GivenUp", "nobody waits for it"));
    }
    try (Deadline compiled = new Deadline(clock, own, START)) {
      Frames.write(own.getOutputStream(), question);
      Frames.read(answers, String.class);
    } catch (IOException gone) {
      ticket.end();
      return Answer.failed(notBegun());
    }
    return answer(ticket, new Deadline(clock, own, limit), limit);
  }

  private Answer answer(Ticket ticket, Deadline deadline, Duration limit) {
    try {
      Answer answer = Frames.read(answers, Answer.class);
      deadline.close();
      // It may be killed although the answer came, at the last moment.
      if (ticket.end() || deadline.over() || answer.worn()) {
        discard();
      }
      return answer;
    } catch (IOException gone) {
      deadline.close();
      ticket.end();
      return Answer.failed(ended(deadline.over(), limit));
    }
  }

  /** End it, whoever may be waiting for its answer. */
  @Override
  public void close() {
    Process own = process;
    if (own != null) {
      own.destroyForcibly();
    }
  }

  /** End it; the next question gets another one. */
  private void discard() {
    close();
    process = null;
  }

  private void started() throws IOException {
    if (process != null && process.isAlive()) {
      return;
    }
    ProcessBuilder builder = new ProcessBuilder(command);
    // Neither keys nor settings of the worker.
    builder.environment().clear();
    builder.directory(new File(System.getProperty("java.io.tmpdir")));
    builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    process = builder.start();
    answers = new DataInputStream(process.getInputStream());
    try (Deadline ready = new Deadline(clock, process, START)) {
      if (!ScriptProcess.READY.equals(Frames.read(answers, String.class))) {
        throw new IOException("it says something else");
      }
    }
  }

  /** Why a script did not begin: its engine needed too much memory, or its text. */
  private Trouble notBegun() {
    int code = exitCode();
    process = null;
    String words = "its process ended with code " + code + " before it began";
    return Trouble.of("ENGINE_DOWN", "EngineDown", words);
  }

  /** Why there is no answer. */
  private Trouble ended(boolean late, Duration limit) {
    int code = exitCode();
    process = null;
    if (late) {
      String words = "no answer within " + limit.toMillis() / 1000.0 + " s";
      return Trouble.of("SCRIPT_TIMEOUT", "TimeoutError", words);
    }
    if (code == ScriptProcess.NO_MEMORY) {
      String words = "it needs more memory than scripts may have";
      return Trouble.of("SCRIPT_MEMORY", "OutOfMemoryError", words);
    }
    String words = "its process ended with code " + code + " and no answer";
    return Trouble.of("SCRIPT_CRASHED", "Crashed", words);
  }

  private int exitCode() {
    boolean interrupted = Thread.interrupted();
    try {
      if (!process.waitFor(END.toSeconds(), TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
      return process.waitFor();
    } catch (InterruptedException error) {
      interrupted = true;
      return -1;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static List<String> command(int memory) {
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    return List.of(
        java.toString(),
        "-Xmx" + memory + "m",
        "-XX:MaxMetaspaceSize=256m",
        "-XX:+UseSerialGC",
        // Scripts are short: the quick compiler alone halves the time of a start.
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        "-Duser.timezone=UTC",
        "-Duser.language=en",
        "-Dfile.encoding=UTF-8",
        "-Djava.awt.headless=true",
        "-cp",
        classPath(),
        ScriptProcess.class.getName());
  }

  /** The worker's own, from wherever the process is started. */
  private static String classPath() {
    StringBuilder whole = new StringBuilder();
    for (String part : System.getProperty("java.class.path").split(File.pathSeparator)) {
      whole.append(whole.isEmpty() ? "" : File.pathSeparator);
      whole.append(Path.of(part).toAbsolutePath());
    }
    return whole.toString();
  }
}
