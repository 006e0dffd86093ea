package chainsaga.jvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import chainsaga.jvm.inside.Answer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What scripts may take, and what is left of them; in real processes. */
class ScriptProcessesTest {
  private static final Duration LONG = Duration.ofSeconds(60);
  private static final String PID = "ProcessHandle.current().pid()";
  private static ScriptProcesses processes;

  @BeforeAll
  static void start() {
    processes = new ScriptProcesses(1, 64);
  }

  @AfterAll
  static void stop() {
    processes.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "qlexpress|i = 0; while (true) { i = i + 1; }",
        "java|while (true) {}",
        "groovy|while (true) { try { Thread.sleep(9999) } catch (Throwable t) {} }",
      })
  void anEndlessLoopIsEnded(String language, String text) throws Exception {
    Answer answer = run(language, text, Duration.ofMillis(300));
    assertEquals("SCRIPT_TIMEOUT", answer.error().code());
    assertWell();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "groovy|try { def all = []; while (true) { all << new byte[1 << 20] } } catch (Error e) {}",
        "java|java.util.List all = new java.util.ArrayList(); "
            + "while (true) { all.add(new byte[1000000]); }",
        "java|int[] all = new int[Integer.MAX_VALUE]; return null;",
      })
  void memoryHasAnEnd(String language, String text) throws Exception {
    assertEquals("SCRIPT_MEMORY", run(language, text, LONG).error().code());
    assertWell();
  }

  @Test
  void aScriptThatEndsItsProcessHasCrashed() throws Exception {
    assertEquals("SCRIPT_CRASHED", run("java", "System.exit(0);", LONG).error().code());
    assertWell();
  }

  @Test
  void aProcessIsKept() throws Exception {
    assertEquals(run("groovy", PID, LONG).value(), run("groovy", "0 + " + PID, LONG).value());
  }

  @Test
  void whatAScriptLeavesRunningEndsWithItsProcess() throws Exception {
    String text = "Thread.start { Thread.sleep(99999) }; " + PID;
    Object process = run("groovy", text, LONG).value();
    assertNotEquals(process, run("groovy", PID, LONG).value());
  }

  @Test
  void noSettingsOfTheWorkerAreSeen() throws Exception {
    assertEquals(0, run("groovy", "System.getenv().size()", LONG).value());
  }

  @Test
  void whatItPrintsIsKeptFromTheAnswers() throws Exception {
    Answer answer = run("groovy", "println 'héllo'; System.err.println 'x' * 9999; 7", LONG);
    assertEquals(7, answer.value());
    assertTrue(answer.printed().startsWith("héllo\nxxx"));
    assertTrue(answer.printed().length() <= 4096);
    assertEquals("", run("groovy", "1", LONG).printed());
  }

  @Test
  void whoGivesUpHasStoppedIt() throws Exception {
    Ticket ticket = new Ticket();
    CompletableFuture<Answer> answer =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                var asked = Questions.of(Steps.step("groovy", "while (true) {}"));
                return processes.run(asked, LONG, ticket);
              } catch (InterruptedException error) {
                throw new IllegalStateException(error);
              }
            });
    while (!ticket.begun()) {
      Thread.onSpinWait();
    }
    ticket.giveUp();
    assertNotNull(answer.get(20, TimeUnit.SECONDS).error());
    assertWell();
  }

  @Test
  void whatNobodyWaitsForIsNotBegun() throws Exception {
    Ticket ticket = new Ticket();
    ticket.giveUp();
    var asked = Questions.of(Steps.step("groovy", "1"));
    assertNull(processes.run(asked, LONG, ticket).value());
  }

  @Test
  void aVeryLargeAnswerIsNotCarriedOver() throws Exception {
    assertEquals("OUTPUT_TOO_LARGE", run("groovy", "'x' * 5000000", LONG).error().code());
  }

  /** Whether the next script is none the worse for it. */
  private static void assertWell() throws Exception {
    assertEquals(1, run("java", "return Integer.valueOf(1);", LONG).value());
  }

  private static Answer run(String language, String text, Duration limit) throws Exception {
    return processes.run(Questions.of(Steps.step(language, text)), limit, new Ticket());
  }
}
