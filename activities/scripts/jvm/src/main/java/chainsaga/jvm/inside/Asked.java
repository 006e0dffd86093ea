package chainsaga.jvm.inside;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import java.util.Map;

/**
 * One run of a script, as the worker asks for it: the text, and what is bound to it.
 *
 * @param sha names the text and its language
 * @param meta what scripts get as {@code _meta}, but for its {@code cmp}
 * @param chain the chain that was started
 * @param bind what {@code .bind} gives
 * @param targets what the head of a SWITCH can choose from
 * @param indexes the passes of the loops around the step, outermost first
 * @param objects the objects of the ITERATORs around it, outermost first
 * @param delivered how keys of deliveries begin
 * @param deliveries what others handed to this component
 * @param check whether the text is compiled, and not run
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Asked(
    String language,
    String kind,
    String text,
    String sha,
    Map<String, Object> context,
    Map<String, Object> meta,
    String name,
    String chain,
    Map<String, Object> bind,
    List<String> targets,
    List<Integer> indexes,
    List<Object> objects,
    String delivered,
    List<Object> deliveries,
    boolean check) {

  /** The component's id. */
  public String nodeId() {
    return (String) meta.get("nodeId");
  }

  /** Its tag in the chain. */
  public String tag() {
    return (String) meta.get("tag");
  }

  /** The chain in whose text the step stands. */
  public String currChainId() {
    return (String) meta.get("currChainId");
  }

  /** What the chain gives by {@code .data}. */
  public Object cmpData() {
    return meta.get("cmpData");
  }

  /** The request of the saga. */
  public Object requestData() {
    return meta.get("requestData");
  }

  /** What a script is told that undoes. */
  public Object undo() {
    return meta.get("undo");
  }
}
