package chainsaga.jvm;

import chainsaga.jvm.inside.Asked;
import chainsaga.jvm.inside.PlainJson;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What is bound to the script of a step (docs/adr/0026-scripts.md, "Bindings"). */
final class Questions {
  private static final String OURS = "chainsaga.";
  private static final String DELIVERED = "chainsaga.delivered.";

  /** What rules written for LiteFlow may call the context itself, one after the other. */
  private static final List<String> CONTEXT_NAMES = List.of("defaultContext", "dataMap");

  private Questions() {}

  /** What a process for scripts is asked. */
  static Asked of(StepRequest request) {
    StepRequest.Script script = request.script();
    StepRequest.Place place = request.place();
    return new Asked(
        script.language(),
        script.kind(),
        script.text(),
        script.sha(),
        request.context().entrySet().stream()
            .filter(entry -> !entry.getKey().startsWith(OURS))
            .collect(HashMap::new, (map, at) -> map.put(at.getKey(), at.getValue()), Map::putAll),
        meta(request),
        request.name(),
        request.saga().chain(),
        place.bind().keySet().stream()
            .collect(HashMap::new, (map, key) -> map.put(key, bound(request, key)), Map::putAll),
        place.targets(),
        place.indexes(),
        place.objects(),
        DELIVERED,
        deliveries(request),
        false);
  }

  /** A script that does nothing. */
  static Asked idle(String language) {
    String text = "return null;";
    return alone(language, text, language + " " + text, false);
  }

  /** Whether a text compiles. */
  static Asked check(CompileRequest request) {
    return alone(request.language(), request.text(), request.sha(), true);
  }

  private static Asked alone(String language, String text, String sha, boolean check) {
    return new Asked(
        language, "common", text, sha, Map.of(), Map.of(), null, null, Map.of(), List.of(),
        List.of(), List.of(), DELIVERED, List.of(), check);
  }

  private static Map<String, Object> meta(StepRequest request) {
    StepRequest.Place place = request.place();
    Map<String, Object> meta = new HashMap<>();
    meta.put("slotIndex", 0);
    String chain = request.saga().chain();
    String standsIn = place.chain() == null ? chain : place.chain();
    meta.put("currChainId", standsIn);
    meta.put("nodeId", request.component());
    meta.put("tag", request.tag());
    meta.put("cmpData", json(request.data()));
    meta.put("loopIndex", last(place.indexes()));
    meta.put("loopObject", last(place.objects()));
    meta.put("requestData", request.request());
    boolean own = request.called() && standsIn.equals(chain);
    meta.put("subRequestData", own ? request.request() : null);
    meta.put("key", request.key());
    meta.put("undo", request.undo() == null ? null : undo(request));
    return meta;
  }

  private static Map<String, Object> undo(StepRequest request) {
    StepRequest.Undo undo = request.undo();
    Map<String, Object> told = new HashMap<>();
    told.put("component", undo.component());
    told.put("outcome", undo.outcome());
    told.put("output", undo.output());
    told.put("error", undo.error());
    told.put("key", request.forwardKey());
    return told;
  }

  /** The text of {@code .data} as JSON if it is some. */
  private static Object json(String text) {
    if (text == null) {
      return null;
    }
    try {
      return PlainJson.MAPPER.readValue(text, Object.class);
    } catch (JsonProcessingException error) {
      return text;
    }
  }

  /** What is bound to a key: text, or for <code>${path}</code> a value of the context. */
  private static Object bound(StepRequest request, String key) {
    String text = request.place().bind().get(key);
    if (!text.startsWith("${") || !text.endsWith("}")) {
      return text;
    }
    String[] whole = text.substring(2, text.length() - 1).strip().split("\\.");
    List<String> path = new ArrayList<>(List.of(whole));
    for (String name : CONTEXT_NAMES) {
      if (path.size() > 1 && path.get(0).equals(name) && !request.context().containsKey(name)) {
        path.remove(0);
      }
    }
    Object found = request.context();
    for (String part : path) {
      found = found instanceof Map<?, ?> map ? map.get(part) : null;
    }
    return found;
  }

  private static List<Object> deliveries(StepRequest request) {
    Object found = request.context().get(DELIVERED + request.component());
    return found instanceof List<?> list ? list.stream().collect(Collectors.toList()) : List.of();
  }

  private static Object last(List<?> values) {
    return values.isEmpty() ? null : values.get(values.size() - 1);
  }
}
