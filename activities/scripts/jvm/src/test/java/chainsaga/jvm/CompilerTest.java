package chainsaga.jvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.temporal.failure.ApplicationFailure;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is said of texts that nobody runs yet. */
class CompilerTest {
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static ScriptProcesses processes;

  @BeforeAll
  static void start() {
    processes = new ScriptProcesses(1, 128);
  }

  @AfterAll
  static void stop() {
    processes.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "groovy|def x = 1~return ((x|2",
        "java|int x = 1;~String y = x;|2",
        "java|public class A {~  public int body() { return x; }~}|2",
        "qlexpress|x = 1;~y = (x;|2",
      })
  void aMistakeHasItsLine(String language, String text, int line) {
    CompileReply reply = compiled(language, text.replace('~', '\n'));
    assertEquals(line, reply.line());
    assertFalse(reply.problem().isBlank());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "groovy|new File('%s') << 'x'",
        "java|new java.io.FileOutputStream(\"%s\").close();",
        "qlexpress|new java.io.FileOutputStream('%s').close();",
      })
  void aTextIsNotRun(String language, String text, @TempDir Path folder) throws Exception {
    Path file = folder.resolve("file");
    String whole = text.formatted(file);
    assertEquals(CompileReply.SOUND, compiled(language, whole));
    assertFalse(Files.exists(file));
    processes.run(Questions.of(Steps.step(language, whole)), LIMIT, new Ticket());
    assertTrue(Files.exists(file));
  }

  @Test
  void whatIsNotTheTextsFaultIsNoProblemOfIt() {
    try (var poor = new ScriptProcesses(1, 1)) {
      var compiler = new Compiler(poor, LIMIT);
      var request = new CompileRequest("groovy", "1", "sha");
      var failure = assertThrows(ApplicationFailure.class, () -> compiler.compile(request));
      assertEquals("ENGINE_DOWN", failure.getType());
    }
  }

  private static CompileReply compiled(String language, String text) {
    var request = new CompileRequest(language, text, language + text);
    return new Compiler(processes, LIMIT).compile(request);
  }
}
