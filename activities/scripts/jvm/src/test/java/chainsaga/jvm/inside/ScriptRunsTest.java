package chainsaga.jvm.inside;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What engines say of texts; what else the bindings do is in the golden requests. */
class ScriptRunsTest {
  private final ScriptRuns runs = new ScriptRuns(4);

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "groovy|1;\\n2;\\ndef = 3|SCRIPT_INVALID|SyntaxException|3",
        "groovy|1\\n[1, 2].each {\\n  throw new IllegalStateException('x')\\n}|SCRIPT_FAILED"
            + "|IllegalStateException|3",
        "groovy|\\nnoSuch + 1|SCRIPT_FAILED|MissingPropertyException|2",
        "groovy|\\n\\nassert 1 == 2|SCRIPT_FAILED|PowerAssertionError|3",
        "java|int a = 1;\\nint b = ;|SCRIPT_INVALID|CompileException|2",
        "java|int a = 1;\\nStrin b = null;|SCRIPT_INVALID|CompileException|2",
        "java|int a = 0;\\nint b = 1 / a;|SCRIPT_FAILED|ArithmeticException|2",
        "java|\\nthrow new java.io.IOException(\"x\");|SCRIPT_FAILED|IOException|2",
        "java|\\npublic class A {}|SCRIPT_INVALID|CompileException|",
        "java|class A {\\n public Void body(com.yomahub.liteflow.script.ScriptExecuteWrap w) {\\n"
            + " w.getTag().length(); return null; } }|SCRIPT_FAILED|NullPointerException|3",
        "qlexpress|a = 1;\\n1 +* 2|SCRIPT_INVALID|QLSyntaxException|2",
        "qlexpress|a = 0;\\n\\nb = 1 / a;|SCRIPT_FAILED|ArithmeticException|3",
        "qlexpress|a = null;\\na.b()|SCRIPT_FAILED|NullPointerException|2",
        "qlexpress|\\nthrow 'no'|SCRIPT_FAILED|QLRuntimeException|2",
        "kotlin|1|SCRIPT_INVALID|UnknownLanguage|",
      })
  void failures(String language, String text, String code, String type, Integer line) {
    Answer.Trouble trouble = run(language, "common", text.replace("\\n", "\n")).error();
    assertEquals(code, trouble.code(), trouble.toString());
    assertEquals(type, trouble.type(), trouble.toString());
    assertEquals(line, trouble.line(), trouble.toString());
  }

  @Test
  void kindsAreTheNamesOfBaseClasses() {
    var trouble = run("groovy", "common", "throw new NumberFormatException('x')").error();
    List<String> wanted =
        List.of(
            "java.lang.NumberFormatException",
            "IllegalArgumentException",
            "java.lang.IllegalArgumentException",
            "RuntimeException",
            "java.lang.RuntimeException");
    assertEquals(wanted, trouble.kinds());
  }

  @Test
  void wordsOfACompilerNameNoPlaceTwice() {
    assertTrue(run("java", "common", "Strin b;").error().message().startsWith("Cannot determine"));
  }

  @Test
  void whatIsNoJsonIsNoAnswerOfAHead() {
    assertNull(run("groovy", "common", "new Object()").error());
    assertEquals("BAD_OUTPUT", run("groovy", "iterator", "[new Object()]").error().code());
    assertEquals("BAD_OUTPUT", run("groovy", "for", "Double.NaN").error().code());
    String endless = "def a = []; a << a; a";
    assertEquals("BAD_OUTPUT", run("groovy", "iterator", endless).error().code());
  }

  @Test
  void valuesAreWrittenAsJson() {
    String text = "[g: \"${1 + 1}\", s: 1 as short, b: 2G, d: 1.50, c: 'x' as char, r: 1..3]";
    Map<String, Object> wanted =
        Map.of("g", "2", "s", 1, "b", 2, "d", new java.math.BigDecimal("1.50"), "c", "x", "r",
            List.of(1, 2, 3));
    assertEquals(wanted, run("groovy", "common", text).value());
  }

  @Test
  void oneScriptLeavesNothingForAnother() {
    run("groovy", "common", "leftover = 5; _meta.tag = 'changed'; defaultContext.setData('a', 1)");
    assertEquals("MissingPropertyException", run("groovy", "common", "leftover").error().type());
    assertNull(run("groovy", "common", "_meta.tag").value());
    assertNull(run("groovy", "common", "defaultContext.getData('a')").value());
  }

  private Answer run(String language, String kind, String text) {
    return runs.run(
        new Asked(
            language, kind, text, language + text, Map.of(), Map.of("nodeId", "n"), null, "main",
            Map.of(), List.of(), List.of(), List.of(), "d.", List.of(), false),
        () -> {});
  }
}
