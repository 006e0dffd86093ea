package chainsaga.jvm;

import java.util.List;
import java.util.Set;

/** Whether a failure is of a type that a rule names; as {@code rules/failures.py}. */
final class FailureTypes {
  private static final Set<String> EVERY =
      Set.of(
          "Exception", "Throwable", "java.lang.Exception", "java.lang.Throwable", "BaseException");
  private static final Set<String> UNCHECKED =
      Set.of("RuntimeException", "java.lang.RuntimeException");

  /** Java's checked exceptions, which are no RuntimeException. */
  private static final Set<String> CHECKED =
      Set.of(
          "ClassNotFoundException",
          "CloneNotSupportedException",
          "ExecutionException",
          "FileNotFoundException",
          "IOException",
          "InterruptedException",
          "NoSuchFieldException",
          "NoSuchMethodException",
          "SQLException",
          "TimeoutException");

  private FailureTypes() {}

  /** Whether the failure is of one of the types; no types mean every failure. */
  static boolean match(StepFailure.Info error, List<String> types) {
    return types.isEmpty() || types.stream().anyMatch(name -> is(error, name));
  }

  private static boolean is(StepFailure.Info error, String name) {
    if (EVERY.contains(name)) {
      return true;
    }
    if (UNCHECKED.contains(name)) {
      return !CHECKED.contains(simple(error.type()));
    }
    return known(error, name) || known(error, simple(name));
  }

  private static boolean known(StepFailure.Info error, String name) {
    return name.equals(error.type()) || error.kinds().contains(name);
  }

  private static String simple(String name) {
    return name.substring(name.lastIndexOf('.') + 1);
  }
}
