package chainsaga.jvm;

/**
 * What a compiler says of a text.
 *
 * @param problem null if it compiles
 * @param line of the problem, from 1; null if it is not known
 */
public record CompileReply(String problem, Integer line) {
  static final CompileReply SOUND = new CompileReply(null, null);
}
