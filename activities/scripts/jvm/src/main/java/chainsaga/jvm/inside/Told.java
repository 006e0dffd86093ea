package chainsaga.jvm.inside;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a run leaves beside its answer: writes to the context, and the wish to end the flow. */
public final class Told {
  private final List<Map<String, Object>> operations = new ArrayList<>();
  private boolean end;

  /** Add a write. The value is JSON, and nobody else's. */
  public synchronized void write(String operation, String key, Object value) {
    Map<String, Object> written = new LinkedHashMap<>();
    written.put("op", operation);
    written.put("key", key);
    written.put("value", value);
    operations.add(written);
  }

  /** Wish that the flow ends after this step, or not. */
  public synchronized void wishEnd(boolean wished) {
    end = wished;
  }

  /** The writes so far, in their order. */
  public synchronized List<Map<String, Object>> operations() {
    return List.copyOf(operations);
  }

  /** Whether the flow is to end. */
  public synchronized boolean end() {
    return end;
  }
}
