package chainsaga.jvm;

/** One run, which somebody else may give up. */
final class Ticket {
  private Process process;
  private boolean givenUp;

  /** A process begins with it; false if nobody wants the answer any more. */
  synchronized boolean begin(Process begun) {
    process = begun;
    return !givenUp;
  }

  /** The process has answered, or is gone; tells whether somebody gave it up before. */
  synchronized boolean end() {
    process = null;
    return givenUp;
  }

  /** Kill whoever is at it. */
  synchronized void giveUp() {
    givenUp = true;
    if (process != null) {
      process.destroyForcibly();
    }
  }

  /** Whether a process is at it. */
  synchronized boolean begun() {
    return process != null;
  }
}
