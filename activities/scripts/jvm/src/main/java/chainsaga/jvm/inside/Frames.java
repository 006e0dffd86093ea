package chainsaga.jvm.inside;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;

/** How a process that runs scripts is asked and answers: JSON behind its length. */
public final class Frames {
  private Frames() {}

  /** Write one frame, which is JSON already. */
  public static void write(OutputStream to, byte[] json) throws IOException {
    to.write(ByteBuffer.allocate(Integer.BYTES).putInt(json.length).array());
    to.write(json);
    to.flush();
  }

  /**
   * The next frame.
   *
   * @throws EOFException when there is none
   */
  public static <T> T read(DataInputStream from, Class<T> type) throws IOException {
    byte[] json = new byte[from.readInt()];
    from.readFully(json);
    return PlainJson.MAPPER.readValue(json, type);
  }
}
