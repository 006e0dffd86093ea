package chainsaga.jvm.inside;

/** Compiles the scripts of one language, and reads what they throw. */
interface Engine {
  /**
   * A text that can be run again and again.
   *
   * @throws InvalidScript when it does not compile
   */
  Compiled compile(String text) throws InvalidScript;

  /** What a script threw, without what the engine put around it, and where. */
  Thrown thrown(Throwable raised);

  /** A script that was compiled. */
  interface Compiled {
    /** Run it; the value is as the script gives it. */
    Object run(Bindings bindings) throws Throwable;
  }

  /**
   * What a script threw.
   *
   * @param line in its text, from 1; null if it is not known
   */
  record Thrown(Throwable cause, String message, Integer line) {
    static Thrown of(Throwable cause, Integer line) {
      return new Thrown(cause, cause.getMessage(), line);
    }
  }

  /** The text does not compile. */
  final class InvalidScript extends Exception {
    private final transient Integer line;
    private final String type;

    /**
     * @param type the error's name in its language
     * @param line from 1; null if it is not known
     */
    InvalidScript(String type, String message, Integer line) {
      super(message);
      this.type = type;
      this.line = line;
    }

    String type() {
      return type;
    }

    Integer line() {
      return line;
    }
  }
}
