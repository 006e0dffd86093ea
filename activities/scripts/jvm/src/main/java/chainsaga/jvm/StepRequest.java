package chainsaga.jvm;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;

/**
 * One step, or one undo, as its activity gets it: what this worker needs of {@code StepRequest} in
 * {@code rules/wire.py}, with its defaults.
 *
 * @param path the step's place in the chain
 * @param answers how many attempts may answer
 * @param round after how many answers only failures of {@code retryTypes} are tried again
 * @param lostAttempts how many attempts may be lost
 * @param timeout seconds of one attempt
 * @param called whether the saga is a sub-run, whose request is its caller's
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record StepRequest(
    Saga saga,
    String path,
    String component,
    String tag,
    String data,
    Object request,
    Map<String, Object> context,
    Integer answers,
    Integer round,
    @JsonProperty("retry_types") List<String> retryTypes,
    @JsonProperty("lost_attempts") Integer lostAttempts,
    Double timeout,
    Place place,
    Undo undo,
    String name,
    Script script,
    boolean called) {

  /** Fills in what was not sent. */
  public StepRequest {
    context = context == null ? Map.of() : context;
    answers = answers == null ? 1 : answers;
    retryTypes = retryTypes == null ? List.of() : retryTypes;
    lostAttempts = lostAttempts == null ? 3 : lostAttempts;
    timeout = timeout == null ? 60.0 : timeout;
    place = place == null ? Place.NOWHERE : place;
  }

  /** The idempotency key of the forward step. */
  public String forwardKey() {
    return key("forward");
  }

  /** The idempotency key of this request: of the step, or of its undo. */
  public String key() {
    return key(undo == null ? "forward" : "undo");
  }

  private String key(String which) {
    String run = saga.executionId() + "/" + saga.firstRunId();
    return saga.tenant() + ":" + run + "/" + path + "/" + which;
  }

  /** Which execution a step belongs to. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Saga(
      String tenant,
      @JsonProperty("execution_id") String executionId,
      String chain,
      @JsonProperty("first_run_id") String firstRunId) {}

  /**
   * Where a step stands, when there is more to say than its path.
   *
   * @param indexes the passes of the loops around it, outermost first
   * @param objects the objects of the ITERATORs around it, outermost first
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Place(
      String chain,
      List<Integer> indexes,
      List<Object> objects,
      Map<String, String> bind,
      List<String> targets) {
    static final Place NOWHERE = new Place(null, null, null, null, null);

    /** Fills in what was not sent. */
    public Place {
      indexes = indexes == null ? List.of() : indexes;
      objects = objects == null ? List.of() : objects;
      bind = bind == null ? Map.of() : bind;
      targets = targets == null ? List.of() : targets;
    }
  }

  /** What a compensation is told of the step that it undoes. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Undo(String component, String outcome, Object output, JsonNode error) {}

  /** The script that the step runs. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Script(String kind, String language, String text, String sha) {}
}
