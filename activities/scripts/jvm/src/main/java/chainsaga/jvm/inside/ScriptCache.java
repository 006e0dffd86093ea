package chainsaga.jvm.inside;

import java.util.LinkedHashMap;
import java.util.Map;

/** Compiled scripts by the hash of their language and text; those used last are kept. */
final class ScriptCache {
  private final Map<String, Engine.Compiled> kept;

  /**
   * @param most how many are kept
   */
  ScriptCache(int most) {
    kept =
        new LinkedHashMap<>(16, 0.75f, true) {
          @Override
          protected boolean removeEldestEntry(Map.Entry<String, Engine.Compiled> eldest) {
            return size() > most;
          }
        };
  }

  /**
   * The script of a question, compiled if it is not kept.
   *
   * @throws Engine.InvalidScript when it does not compile
   */
  synchronized Engine.Compiled get(Engine engine, String sha, String text)
      throws Engine.InvalidScript {
    Engine.Compiled found = kept.get(sha);
    if (found == null) {
      found = engine.compile(text);
      kept.put(sha, found);
    }
    return found;
  }
}
