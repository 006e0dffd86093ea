package chainsaga.jvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import chainsaga.jvm.inside.PlainJson;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The golden requests, which the engines of the Python workers fulfil too. */
class GoldenTest {
  private static final List<String> LANGUAGES = List.of("groovy", "java", "qlexpress");
  private static ScriptProcesses processes;

  @BeforeAll
  static void start() {
    processes = new ScriptProcesses(1, 128);
    processes.warm();
  }

  @AfterAll
  static void stop() {
    processes.close();
  }

  @TestFactory
  Stream<DynamicTest> everyText() throws IOException {
    List<DynamicTest> found = new ArrayList<>();
    for (JsonNode entry : entries()) {
      for (String language : LANGUAGES) {
        for (String text : texts(entry.path("scripts").path(language))) {
          String name = language + ": " + entry.path("about").asText();
          found.add(DynamicTest.dynamicTest(name, () -> fulfil(entry, language, text)));
        }
      }
    }
    assertFalse(found.isEmpty(), "there is nothing to test");
    return found.stream();
  }

  private static void fulfil(JsonNode entry, String language, String text) throws Exception {
    ObjectNode asked = entry.get("request").deepCopy();
    asked
        .putObject("script")
        .put("kind", entry.get("kind").asText())
        .put("language", language)
        .put("text", text)
        .put("sha", language + text.hashCode());
    StepRequest request = PlainJson.MAPPER.treeToValue(asked, StepRequest.class);
    int number = entry.path("attempt").asInt(1);
    JsonNode given = entry.path("log");
    AttemptLog log =
        given.isMissingNode()
            ? AttemptLog.NONE
            : PlainJson.MAPPER.treeToValue(given, AttemptLog.class);
    Attempts attempts =
        new Attempts(
            (question, limit) -> processes.run(question, limit, new Ticket()),
            Duration.ofSeconds(5));
    if (entry.has("reply")) {
      JsonNode reply = PlainJson.MAPPER.valueToTree(attempts.attempt(request, number, log));
      agree(entry.get("reply"), reply, "");
    } else {
      StepFailed failed =
          assertThrows(StepFailed.class, () -> attempts.attempt(request, number, log));
      failure(entry.get("failure"), failed, language);
    }
  }

  private static void failure(JsonNode wanted, StepFailed failed, String language) {
    StepFailure failure = failed.failure();
    String words = failure.toString();
    assertEquals(wanted.get("outcome").asText(), failure.outcome(), words);
    assertEquals(wanted.get("code").asText(), failure.error().code(), words);
    assertEquals(wanted.get("final").asBoolean(), failed.last(), words);
    if (wanted.hasNonNull("line")) {
      int line = wanted.get("line").asInt();
      assertEquals(Map.of("language", language, "line", line), failure.error().details());
      assertTrue(failure.error().message().contains("line " + line), words);
    }
    if (wanted.hasNonNull("message")) {
      assertEquals(wanted.get("message").asText(), failure.error().message());
    }
    if (wanted.path("types").has(language)) {
      assertEquals(wanted.get("types").get(language).asText(), failure.error().type(), words);
    }
    if (wanted.hasNonNull("operations")) {
      agree(wanted.get("operations"), PlainJson.MAPPER.valueToTree(failure.operations()), "");
    }
  }

  /** Fields that are named are equal, those of writes by default null. */
  private static void agree(JsonNode wanted, JsonNode found, String at) {
    if (wanted.isObject()) {
      for (Iterator<Map.Entry<String, JsonNode>> all = wanted.fields(); all.hasNext(); ) {
        Map.Entry<String, JsonNode> field = all.next();
        JsonNode other = found.get(field.getKey());
        assertNotNull(other, at + "." + field.getKey() + " of " + found);
        agree(field.getValue(), other, at + "." + field.getKey());
      }
    } else if (wanted.isArray()) {
      assertEquals(wanted.size(), found.size(), at + " of " + found);
      for (int index = 0; index < wanted.size(); index++) {
        agree(wanted.get(index), found.get(index), at + "[" + index + "]");
      }
    } else if (wanted.isNumber() && found.isNumber()) {
      assertEquals(wanted.isIntegralNumber(), found.isIntegralNumber(), at);
      assertEquals(wanted.asDouble(), found.asDouble(), at);
    } else {
      assertEquals(wanted, found, at);
    }
  }

  private static List<JsonNode> entries() throws IOException {
    List<JsonNode> entries = new ArrayList<>();
    try (Stream<Path> files = Files.walk(Path.of(System.getProperty("golden.scripts")))) {
      for (Path file : files.filter(it -> it.toString().endsWith(".json")).sorted().toList()) {
        JsonNode whole = PlainJson.MAPPER.readTree(file.toFile());
        (whole.isArray() ? whole : List.of(whole)).forEach(entries::add);
      }
    }
    return entries;
  }

  private static List<String> texts(JsonNode given) {
    List<String> texts = new ArrayList<>();
    if (given.isTextual()) {
      texts.add(given.asText());
    }
    given.elements().forEachRemaining(text -> texts.add(text.asText()));
    return texts;
  }
}
