package chainsaga.jvm.inside;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScriptCacheTest {
  private final List<String> compiled = new ArrayList<>();
  private final Engine engine =
      new Engine() {
        @Override
        public Compiled compile(String text) throws InvalidScript {
          compiled.add(text);
          if (text.isEmpty()) {
            throw new InvalidScript("T", "empty", null);
          }
          return bindings -> text;
        }

        @Override
        public Thrown thrown(Throwable raised) {
          return Thrown.of(raised, null);
        }
      };

  @Test
  void thoseUsedLastAreKept() throws Exception {
    ScriptCache cache = new ScriptCache(2);
    for (String text : List.of("a", "b", "a", "c", "a", "b")) {
      cache.get(engine, "sha of " + text, text);
    }
    assertEquals(List.of("a", "b", "c", "b"), compiled);
  }

  @Test
  void whatDoesNotCompileIsNotKept() {
    ScriptCache cache = new ScriptCache(2);
    for (int times = 0; times < 2; times++) {
      assertThrows(Engine.InvalidScript.class, () -> cache.get(engine, "s", ""));
    }
    assertEquals(2, compiled.size());
  }
}
