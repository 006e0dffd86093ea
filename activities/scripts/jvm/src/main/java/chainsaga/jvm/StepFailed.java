package chainsaga.jvm;

/** An attempt failed. */
public final class StepFailed extends Exception {
  private final transient StepFailure failure;
  private final transient AttemptLog log;
  private final boolean last;

  /**
   * @param log what the next attempt is told
   * @param last whether no further attempt may be made
   */
  public StepFailed(StepFailure failure, AttemptLog log, boolean last) {
    super(failure.error().message(), null, false, false);
    this.failure = failure;
    this.log = log;
    this.last = last;
  }

  public StepFailure failure() {
    return failure;
  }

  public AttemptLog log() {
    return log;
  }

  public boolean last() {
    return last;
  }
}
