package chainsaga.jvm.inside;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Keeps the beginning of what scripts print. */
final class Printed extends OutputStream {
  /** Bytes that are kept of one run. */
  static final int MOST = 4_096;

  private final ByteArrayOutputStream kept = new ByteArrayOutputStream();

  @Override
  public synchronized void write(int one) {
    if (kept.size() < MOST) {
      kept.write(one);
    }
  }

  @Override
  public synchronized void write(byte[] some, int from, int length) {
    kept.write(some, from, Math.min(length, Math.max(MOST - kept.size(), 0)));
  }

  /** What was printed since it was last asked. */
  synchronized String take() {
    String words = kept.toString(StandardCharsets.UTF_8);
    kept.reset();
    return words;
  }
}
