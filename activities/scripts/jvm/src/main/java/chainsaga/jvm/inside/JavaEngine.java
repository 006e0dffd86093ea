package chainsaga.jvm.inside;

import com.yomahub.liteflow.script.ScriptExecuteWrap;
import com.yomahub.liteflow.slot.DefaultContext;
import java.io.IOException;
import java.io.StringReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.codehaus.commons.compiler.CompileException;
import org.codehaus.commons.compiler.InternalCompilerException;
import org.codehaus.janino.ScriptEvaluator;
import org.codehaus.janino.SimpleCompiler;

/**
 * Java by Janino. A text that declares a class is LiteFlow's form: its {@code body} is called with
 * {@code _meta}. Any other text is the body of a method, which has {@code _meta} and {@code
 * defaultContext}.
 */
final class JavaEngine implements Engine {
  private static final String FILE = "script.java";
  private static final Pattern CLASS =
      Pattern.compile("^\\s*(?:(?:public|final|abstract)\\s+)*class\\s+(\\w+)", Pattern.MULTILINE);
  private static final Pattern PACKAGE =
      Pattern.compile("^\\s*package\\s+([\\w.]+)\\s*;", Pattern.MULTILINE);
  private static final Pattern PLACE =
      Pattern.compile("^(?:File '[^']*', )?Line \\d+, Column \\d+: ");

  @Override
  public Compiled compile(String text) throws InvalidScript {
    Matcher declared = CLASS.matcher(text);
    try {
      return declared.find() ? ofClass(text, declared.group(1)) : ofStatements(text);
    } catch (CompileException error) {
      Integer line = error.getLocation() == null ? null : error.getLocation().getLineNumber();
      throw new InvalidScript("CompileException", words(error), line);
    } catch (InternalCompilerException | IOException | ReflectiveOperationException error) {
      throw new InvalidScript("CompileException", words(error), null);
    }
  }

  @Override
  public Thrown thrown(Throwable raised) {
    Throwable cause = raised;
    while (cause instanceof InvocationTargetException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    Integer line = null;
    for (StackTraceElement at : cause.getStackTrace()) {
      if (FILE.equals(at.getFileName())) {
        line = at.getLineNumber();
        break;
      }
    }
    return Thrown.of(cause, line);
  }

  private static Compiled ofClass(String text, String name)
      throws CompileException, IOException, ReflectiveOperationException, InvalidScript {
    SimpleCompiler compiler = new SimpleCompiler();
    compiler.setParentClassLoader(JavaEngine.class.getClassLoader());
    compiler.setDebuggingInformation(true, true, true);
    compiler.cook(FILE, new StringReader(text));
    Matcher named = PACKAGE.matcher(text);
    String whole = named.find() ? named.group(1) + "." + name : name;
    Class<?> type = compiler.getClassLoader().loadClass(whole);
    Method body = body(type);
    return bindings -> {
      var made = type.getDeclaredConstructor();
      made.setAccessible(true);
      return body.invoke(made.newInstance(), new ScriptExecuteWrap(bindings.meta()));
    };
  }

  private static Method body(Class<?> type) throws InvalidScript {
    try {
      Method body = type.getMethod("body", ScriptExecuteWrap.class);
      body.setAccessible(true);
      return body;
    } catch (NoSuchMethodException error) {
      String words = "the class " + type.getName() + " has no public body(ScriptExecuteWrap)";
      throw new InvalidScript("CompileException", words, null);
    }
  }

  private static Compiled ofStatements(String text) throws CompileException, IOException {
    // What leaves no value leaves null; on a line of its own, for a comment may end the text.
    String whole = text + "\nif (true) return null; return null;";
    ScriptEvaluator evaluator;
    try {
      evaluator = evaluator(text);
    } catch (CompileException error) {
      if (!error.getMessage().endsWith("Method must return a value")) {
        throw error;
      }
      evaluator = evaluator(whole);
    }
    ScriptEvaluator compiled = evaluator;
    return bindings ->
        compiled.evaluate(
            new Object[] {new ScriptExecuteWrap(bindings.meta()), bindings.context()});
  }

  private static ScriptEvaluator evaluator(String text) throws CompileException, IOException {
    ScriptEvaluator evaluator = new ScriptEvaluator();
    evaluator.setParentClassLoader(JavaEngine.class.getClassLoader());
    evaluator.setDebuggingInformation(true, true, true);
    evaluator.setReturnType(Object.class);
    evaluator.setThrownExceptions(new Class<?>[] {Exception.class});
    evaluator.setParameters(
        new String[] {"_meta", "defaultContext"},
        new Class<?>[] {ScriptExecuteWrap.class, DefaultContext.class});
    evaluator.cook(FILE, new StringReader(text));
    return evaluator;
  }

  private static String words(Exception error) {
    String words = String.valueOf(error.getMessage());
    for (Matcher place = PLACE.matcher(words); place.find(); place = PLACE.matcher(words)) {
      words = words.substring(place.end());
    }
    return words;
  }
}
