package chainsaga.jvm.inside;

import com.yomahub.liteflow.core.NodeComponent;
import com.yomahub.liteflow.slot.DefaultContext;
import java.util.HashMap;
import java.util.Map;

/**
 * What one run is given.
 *
 * @param meta {@code _meta}, with its {@code cmp}
 * @param told what the run leaves
 */
record Bindings(DefaultContext context, Map<String, Object> meta, Told told) {

  /** Those of a question. */
  static Bindings of(Asked asked) {
    Told told = new Told();
    DefaultContext context = new DefaultContext(asked.context(), told);
    Map<String, Object> meta = new HashMap<>(asked.meta());
    meta.put("cmp", new NodeComponent(asked, told, context));
    return new Bindings(context, meta, told);
  }

  /** By the names that scripts know them by. */
  Map<String, Object> byName() {
    Map<String, Object> names = new HashMap<>();
    names.put("defaultContext", context);
    names.put("_meta", meta);
    return names;
  }
}
