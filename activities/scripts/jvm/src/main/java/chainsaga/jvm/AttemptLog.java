package chainsaga.jvm;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/**
 * What survives from one attempt to the next, in the heartbeat's details ({@code rules/wire.py}).
 *
 * @param answered attempts that left an answer
 * @param unknown whether some attempt may have taken effect
 * @param forgone answers that the rounds so far might have given and did not
 * @param barred attempts in which the component was not called; never on this worker
 * @param ended whether an attempt of the present round wished for the end of the flow
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record AttemptLog(int answered, boolean unknown, int forgone, int barred, boolean ended) {
  /** That of the first attempt. */
  public static final AttemptLog NONE = new AttemptLog(0, false, 0, 0, false);

  /** How many answers are used up. */
  int used() {
    return answered + forgone;
  }

  /** As it is when so many attempts were lost. */
  AttemptLog afterLosing(int lost) {
    return new AttemptLog(answered, unknown || lost > 0, forgone, barred, ended);
  }

  /** As it is after one more answer. */
  AttemptLog afterAnswer(boolean refused, boolean endWished) {
    return new AttemptLog(answered + 1, unknown || !refused, forgone, barred, endWished);
  }
}
