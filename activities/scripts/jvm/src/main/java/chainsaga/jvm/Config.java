package chainsaga.jvm;

import java.time.Duration;
import java.util.Map;

/**
 * The settings of the worker, from environment variables; those that the other workers have too
 * have the same names and defaults.
 *
 * @param queue the task queue of scripts of JVM languages
 * @param scriptTimeout the most that a run may take
 * @param scriptMemory MiB of the heap of a process that runs scripts
 * @param scriptProcesses how many of them there are
 * @param grace how long running steps may go on at a stop
 * @param logJson whether log lines are JSON
 */
record Config(
    String queue,
    Duration scriptTimeout,
    int scriptMemory,
    int scriptProcesses,
    Duration grace,
    boolean logJson) {
  private static final String QUEUE_END = "-jvm";
  private static final int LEAST_MEMORY = 32;

  /** A variable has a value that its setting does not take. */
  static final class Invalid extends Exception {
    Invalid(String variable, String problem) {
      super(variable + ": " + problem);
    }
  }

  /** The settings of an environment. */
  static Config of(Map<String, String> environment) throws Invalid {
    return new Config(
        environment.getOrDefault("CHAINSAGA_TASK_QUEUE", "chainsaga") + QUEUE_END,
        seconds(environment, "CHAINSAGA_SCRIPT_TIMEOUT", 5, 0.01),
        whole(environment, "CHAINSAGA_SCRIPT_MEMORY", 256, LEAST_MEMORY),
        whole(environment, "CHAINSAGA_SCRIPT_PROCESSES", 2, 1),
        seconds(environment, "CHAINSAGA_SHUTDOWN_GRACE", 30, 0),
        truth(environment, "CHAINSAGA_LOG_JSON"));
  }

  private static Duration seconds(
      Map<String, String> environment, String variable, double otherwise, double least)
      throws Invalid {
    String text = environment.get(variable);
    double seconds;
    try {
      seconds = text == null ? otherwise : Double.parseDouble(text);
    } catch (NumberFormatException error) {
      throw new Invalid(variable, "'" + text + "' is no number of seconds");
    }
    if (!(seconds >= least) || Double.isInfinite(seconds)) {
      throw new Invalid(variable, "it must be at least " + least + ", not " + text);
    }
    return Duration.ofMillis((long) (seconds * 1000));
  }

  private static int whole(
      Map<String, String> environment, String variable, int otherwise, int least) throws Invalid {
    String text = environment.get(variable);
    int number;
    try {
      number = text == null ? otherwise : Integer.parseInt(text.strip());
    } catch (NumberFormatException error) {
      throw new Invalid(variable, "'" + text + "' is no whole number");
    }
    if (number < least) {
      throw new Invalid(variable, "it must be at least " + least + ", not " + text);
    }
    return number;
  }

  static boolean truth(Map<String, String> environment, String variable) throws Invalid {
    String text = environment.getOrDefault(variable, "false").strip().toLowerCase();
    return switch (text) {
      case "true", "1", "yes", "on", "t", "y" -> true;
      case "false", "0", "no", "off", "f", "n", "" -> false;
      default -> throw new Invalid(variable, "'" + text + "' is neither true nor false");
    };
  }
}
