package chainsaga.jvm.inside;

/** The script says that it did nothing, and will not. */
public final class Refusal extends RuntimeException {
  public static final String REFUSED = "REFUSED";

  private final String code;

  public Refusal(String message) {
    this(message, REFUSED);
  }

  public Refusal(String message, String code) {
    super(message);
    this.code = code;
  }

  /** The code of the failure. */
  public String code() {
    return code;
  }
}
