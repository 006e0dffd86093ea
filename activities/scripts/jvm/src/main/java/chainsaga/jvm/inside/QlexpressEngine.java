package chainsaga.jvm.inside;

import com.alibaba.qlexpress4.Express4Runner;
import com.alibaba.qlexpress4.InitOptions;
import com.alibaba.qlexpress4.QLOptions;
import com.alibaba.qlexpress4.exception.QLException;
import com.alibaba.qlexpress4.exception.QLRuntimeException;
import com.alibaba.qlexpress4.exception.QLSyntaxException;
import com.alibaba.qlexpress4.security.QLSecurityStrategy;

/** QLExpress 4, which may call all of Java, as in LiteFlow. */
final class QlexpressEngine implements Engine {
  private static final QLOptions CACHED = QLOptions.builder().cache(true).build();
  private static final InitOptions OPEN =
      InitOptions.builder().securityStrategy(QLSecurityStrategy.open()).build();

  @Override
  public Compiled compile(String text) throws InvalidScript {
    // One for each text: its own cache has no bound, and knows by the text.
    Express4Runner runner = new Express4Runner(OPEN);
    try {
      runner.parseToDefinitionWithCache(text);
    } catch (QLSyntaxException error) {
      throw new InvalidScript("QLSyntaxException", error.getReason(), error.getLineNo());
    }
    return bindings -> runner.execute(text, bindings.byName(), CACHED).getResult();
  }

  @Override
  public Thrown thrown(Throwable raised) {
    if (!(raised instanceof QLException error)) {
      return Thrown.of(raised, null);
    }
    Throwable cause = error.getCause();
    if (cause != null && cause.getMessage() != null) {
      return Thrown.of(cause, error.getLineNo());
    }
    boolean said = error instanceof QLRuntimeException own && own.getCatchObj() instanceof String;
    Object words = said ? ((QLRuntimeException) error).getCatchObj() : error.getReason();
    return new Thrown(cause == null ? error : cause, words.toString(), error.getLineNo());
  }
}
