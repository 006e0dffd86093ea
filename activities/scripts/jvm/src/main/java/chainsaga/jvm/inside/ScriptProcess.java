package chainsaga.jvm.inside;

import chainsaga.jvm.inside.Answer.Trouble;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A process that runs scripts for a worker, one after the other, asked and answered on its standard
 * input and output. The worker ends it when a script overruns; it ends itself when the worker is
 * gone.
 */
public final class ScriptProcess {
  /** Bytes of an answer; what a step may answer is far less, and is checked by the worker. */
  static final int MOST_OUTPUT = 4 * 1024 * 1024;

  /** How many compiled scripts are kept. */
  static final int KEPT = 256;

  /** How a process ends that has no memory left; the virtual machine's own number for it. */
  public static final int NO_MEMORY = 3;

  /** What is said when a process can be asked. */
  public static final String READY = "ready";

  /** What is said before each answer, when a script begins, or cannot. */
  public static final String BEGUN = "begun";

  private final DataInputStream asked;
  private final OutputStream answered;
  private final Printed printed = new Printed();
  private final ScriptRuns runs = new ScriptRuns(KEPT);

  private ScriptProcess(InputStream asked, OutputStream answered) {
    this.asked = new DataInputStream(asked);
    this.answered = answered;
  }

  /** Answers until nobody asks any more. */
  public static void main(String[] arguments) throws IOException {
    var process =
        new ScriptProcess(
            new FileInputStream(FileDescriptor.in), new FileOutputStream(FileDescriptor.out));
    process.serve();
  }

  private void serve() throws IOException {
    // Out of reach of what a script prints or reads.
    PrintStream words = new PrintStream(printed, true, StandardCharsets.UTF_8);
    System.setOut(words);
    System.setErr(words);
    System.setIn(InputStream.nullInputStream());
    Frames.write(answered, PlainJson.MAPPER.writeValueAsBytes(READY));
    while (true) {
      Asked next;
      try {
        next = Frames.read(asked, Asked.class);
      } catch (EOFException gone) {
        // Whatever a script still does.
        Runtime.getRuntime().halt(0);
        return;
      }
      begin(next);
    }
  }

  /** On a thread of its own, so that the end of the worker is seen while a script runs. */
  private void begin(Asked next) {
    ThreadGroup own = new ThreadGroup("script");
    Thread thread =
        new Thread(
            own,
            () -> {
              try {
                Answer answer = runs.run(next, this::begun);
                Frames.write(answered, written(answer, own));
              } catch (OutOfMemoryError error) {
                Runtime.getRuntime().halt(NO_MEMORY);
              } catch (IOException | UncheckedIOException gone) {
                Runtime.getRuntime().halt(0);
              }
            },
            "script");
    thread.start();
  }

  /** Its engine is loaded and its text compiled: from here on the script's own time counts. */
  private void begun() {
    try {
      Frames.write(answered, PlainJson.MAPPER.writeValueAsBytes(BEGUN));
    } catch (IOException gone) {
      throw new UncheckedIOException(gone);
    }
  }

  private byte[] written(Answer answer, ThreadGroup own) throws JsonProcessingException {
    boolean worn = own.activeCount() > 1;
    Answer whole =
        new Answer(
            answer.value(),
            answer.operations(),
            answer.end(),
            printed.take(),
            worn,
            answer.error());
    byte[] json = PlainJson.MAPPER.writeValueAsBytes(whole);
    if (json.length <= MOST_OUTPUT) {
      return json;
    }
    String words = "it answers more than " + MOST_OUTPUT + " bytes";
    Trouble error = Trouble.of("OUTPUT_TOO_LARGE", "OutputTooLarge", words);
    return PlainJson.MAPPER.writeValueAsBytes(
        new Answer(null, List.of(), answer.end(), whole.printed(), worn, error));
  }
}
