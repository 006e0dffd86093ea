package chainsaga.jvm;

import chainsaga.jvm.inside.Answer;
import chainsaga.jvm.inside.Answer.Trouble;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;

/** Compiles texts in the processes that run scripts: what compiles here, compiles for a step. */
final class Compiler implements CompileActivity {
  private static final String INVALID = "SCRIPT_INVALID";

  private final ScriptProcesses processes;
  private final Duration limit;

  /**
   * @param limit as of a run; that of compiling is the process's own
   */
  Compiler(ScriptProcesses processes, Duration limit) {
    this.processes = processes;
    this.limit = limit;
  }

  @Override
  public CompileReply compile(CompileRequest request) {
    Answer answer;
    try {
      answer = processes.run(Questions.check(request), limit, new Ticket());
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the worker stops", stopped);
    }
    Trouble trouble = answer.error();
    if (trouble == null) {
      return CompileReply.SOUND;
    }
    if (!INVALID.equals(trouble.code())) {
      throw ApplicationFailure.newNonRetryableFailure(trouble.message(), trouble.code());
    }
    return new CompileReply(trouble.message(), trouble.line());
  }
}
