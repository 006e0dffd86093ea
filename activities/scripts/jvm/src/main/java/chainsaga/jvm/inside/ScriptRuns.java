package chainsaga.jvm.inside;

import chainsaga.jvm.inside.Answer.Trouble;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Runs scripts, of whatever language, and says how that went. What they do throws nothing. */
final class ScriptRuns {
  private static final String COMMON = "common";

  private final Map<String, Engine> engines = new ConcurrentHashMap<>();
  private final ScriptCache cache;

  /**
   * @param kept how many compiled scripts are kept
   */
  ScriptRuns(int kept) {
    cache = new ScriptCache(kept);
  }

  /**
   * Run one; {@code printed} and {@code worn} are not known here.
   *
   * @param begun is called once, before the script is, or when it cannot be run
   */
  Answer run(Asked asked, Runnable begun) {
    Engine engine = engine(asked.language());
    Engine.Compiled script;
    try {
      if (engine == null) {
        String words = "there is no engine for '" + asked.language() + "' in the JVM worker";
        throw new Engine.InvalidScript("UnknownLanguage", words, null);
      }
      script = cache.get(engine, asked.sha(), asked.text());
    } catch (Engine.InvalidScript error) {
      begun.run();
      return Answer.failed(invalid(error));
    }
    begun.run();
    if (asked.check()) {
      return new Answer(null, List.of(), false, "", false, null);
    }
    Bindings bindings = Bindings.of(asked);
    try {
      return answer(asked, bindings, script.run(bindings));
    } catch (OutOfMemoryError error) {
      throw error;
    } catch (Throwable error) {
      return left(bindings, null, trouble(engine.thrown(error)));
    }
  }

  /** Made when it is asked for: loading all of them takes seconds. */
  private Engine engine(String language) {
    return switch (language) {
      case "groovy" -> engines.computeIfAbsent(language, it -> new GroovyEngine());
      case "java" -> engines.computeIfAbsent(language, it -> new JavaEngine());
      case "qlexpress" -> engines.computeIfAbsent(language, it -> new QlexpressEngine());
      default -> null;
    };
  }

  private static Answer answer(Asked asked, Bindings bindings, Object value) {
    try {
      return left(bindings, PlainJson.of(value), null);
    } catch (IllegalArgumentException error) {
      if (COMMON.equals(asked.kind())) {
        // The value of a last statement that nobody meant as an answer.
        return left(bindings, null, null);
      }
      String words = "it answers with what is no JSON: " + error.getMessage();
      return left(bindings, null, Trouble.of("BAD_OUTPUT", "BadOutput", words));
    }
  }

  private static Answer left(Bindings bindings, Object value, Trouble error) {
    Told told = bindings.told();
    return new Answer(value, told.operations(), told.end(), "", false, error);
  }

  private static Trouble invalid(Engine.InvalidScript error) {
    String words = error.getMessage();
    return new Trouble("SCRIPT_INVALID", error.type(), words, error.line(), List.of(), false);
  }

  private static Trouble trouble(Engine.Thrown thrown) {
    Throwable cause = thrown.cause();
    String words = thrown.message() == null ? cause.getClass().getSimpleName() : thrown.message();
    if (cause instanceof Refusal refusal) {
      return new Trouble(refusal.code(), "Refused", words, thrown.line(), List.of(), true);
    }
    String type = name(cause.getClass());
    return new Trouble("SCRIPT_FAILED", type, words, thrown.line(), kinds(cause), false);
  }

  /** The full name of the type, and both names of what it is, too, up to what everything is. */
  private static List<String> kinds(Throwable cause) {
    List<String> kinds = new ArrayList<>();
    for (Class<?> type = cause.getClass(); plain(type); type = type.getSuperclass()) {
      if (type != cause.getClass()) {
        kinds.add(name(type));
      }
      kinds.add(type.getName());
    }
    return kinds;
  }

  private static boolean plain(Class<?> type) {
    return type != Exception.class && type != Error.class && type != Throwable.class;
  }

  private static String name(Class<?> type) {
    return type.getSimpleName().isEmpty() ? type.getName() : type.getSimpleName();
  }
}
