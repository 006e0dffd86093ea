package chainsaga.jvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigTest {
  @Test
  void withoutSettings() throws Exception {
    var seconds = Duration.ofSeconds(1);
    var usual =
        new Config("chainsaga-jvm", seconds.multipliedBy(5), 256, 2, seconds.multipliedBy(30), false);
    assertEquals(usual, Config.of(Map.of()));
  }

  @Test
  void allSettings() throws Exception {
    var environment =
        Map.of(
            "CHAINSAGA_TASK_QUEUE", "mine",
            "CHAINSAGA_SCRIPT_TIMEOUT", "0.5",
            "CHAINSAGA_SCRIPT_MEMORY", "64",
            "CHAINSAGA_SCRIPT_PROCESSES", "7",
            "CHAINSAGA_SHUTDOWN_GRACE", "0",
            "CHAINSAGA_LOG_JSON", "True");
    var wanted = new Config("mine-jvm", Duration.ofMillis(500), 64, 7, Duration.ZERO, true);
    assertEquals(wanted, Config.of(environment));
  }

  @ParameterizedTest
  @CsvSource({
    "CHAINSAGA_SCRIPT_TIMEOUT, soon",
    "CHAINSAGA_SCRIPT_TIMEOUT, 0",
    "CHAINSAGA_SCRIPT_TIMEOUT, NaN",
    "CHAINSAGA_SCRIPT_TIMEOUT, Infinity",
    "CHAINSAGA_SCRIPT_MEMORY, 1",
    "CHAINSAGA_SCRIPT_PROCESSES, 0",
    "CHAINSAGA_SCRIPT_PROCESSES, two",
    "CHAINSAGA_SHUTDOWN_GRACE, -1",
    "CHAINSAGA_LOG_JSON, perhaps",
  })
  void aWrongOneIsNamed(String variable, String value) {
    var error = assertThrows(Config.Invalid.class, () -> Config.of(Map.of(variable, value)));
    assertTrue(error.getMessage().startsWith(variable + ": "), error.getMessage());
  }
}
