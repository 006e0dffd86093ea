package chainsaga.jvm;

import java.util.List;
import java.util.Map;

/** A step that completed ({@code rules/wire.py}). */
public record StepReply(
    Object output, List<Map<String, Object>> operations, int attempts, boolean end) {}
