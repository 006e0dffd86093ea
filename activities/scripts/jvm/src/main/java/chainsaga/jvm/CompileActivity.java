package chainsaga.jvm;

import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;

/** What the worker can be asked beside the steps of scripts. */
@ActivityInterface
public interface CompileActivity {
  /** Whether a text compiles; it is not run. */
  @ActivityMethod(name = "chainsaga.compile-script")
  CompileReply compile(CompileRequest request);
}
