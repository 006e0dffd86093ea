package chainsaga.jvm.inside;

import groovy.lang.GroovyClassLoader;
import java.util.regex.Pattern;
import javax.script.CompiledScript;
import javax.script.ScriptException;
import javax.script.SimpleBindings;
import org.codehaus.groovy.control.MultipleCompilationErrorsException;
import org.codehaus.groovy.control.messages.SyntaxErrorMessage;
import org.codehaus.groovy.jsr223.GroovyScriptEngineImpl;
import org.codehaus.groovy.syntax.SyntaxException;

/** Groovy by its JSR 223 engine; the value of a script is that of its last statement. */
final class GroovyEngine implements Engine {
  private static final Pattern FILE = Pattern.compile("Script\\d+\\.groovy");

  @Override
  public Compiled compile(String text) throws InvalidScript {
    try {
      // One for each text: what one script declares at its top level is no other's.
      GroovyClassLoader loader = new GroovyClassLoader(GroovyEngine.class.getClassLoader());
      CompiledScript script = new GroovyScriptEngineImpl(loader).compile(text);
      return bindings -> script.eval(new SimpleBindings(bindings.byName()));
    } catch (ScriptException error) {
      throw invalid(error);
    }
  }

  @Override
  public Thrown thrown(Throwable raised) {
    Throwable cause = raised;
    while (cause instanceof ScriptException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return Thrown.of(cause, line(cause));
  }

  private static Integer line(Throwable cause) {
    for (StackTraceElement at : cause.getStackTrace()) {
      if (at.getFileName() != null && FILE.matcher(at.getFileName()).matches()) {
        return at.getLineNumber() > 0 ? (Integer) at.getLineNumber() : null;
      }
    }
    return null;
  }

  private static InvalidScript invalid(ScriptException error) {
    if (error.getCause() instanceof MultipleCompilationErrorsException many
        && many.getErrorCollector().getError(0) instanceof SyntaxErrorMessage first) {
      SyntaxException cause = first.getCause();
      return new InvalidScript("SyntaxException", cause.getOriginalMessage(), cause.getLine());
    }
    return new InvalidScript("ScriptException", error.getMessage(), null);
  }
}
