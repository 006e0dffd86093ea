package chainsaga.jvm;

import chainsaga.jvm.inside.PlainJson;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.StreamHandler;

/** How the worker writes its log: as the other workers do, to standard output. */
final class LogLines extends Formatter {
  private final boolean asJson;

  private LogLines(boolean asJson) {
    this.asJson = asJson;
  }

  /** Set up the log of this process. */
  static void begin(boolean asJson) {
    Logger root = Logger.getLogger("");
    for (Handler handler : root.getHandlers()) {
      root.removeHandler(handler);
    }
    Handler lines =
        new StreamHandler(System.out, new LogLines(asJson)) {
          @Override
          public synchronized void publish(LogRecord record) {
            super.publish(record);
            flush();
          }
        };
    root.addHandler(lines);
    root.setLevel(Level.WARNING);
    Logger.getLogger("chainsaga").setLevel(Level.INFO);
  }

  @Override
  public String format(LogRecord record) {
    String level = level(record);
    String time = record.getInstant().truncatedTo(ChronoUnit.MICROS).toString();
    return (asJson ? json(record, level, time) : plain(record, level, time)) + "\n";
  }

  private String plain(LogRecord record, String level, String time) {
    String line = String.format("%s [%-9s] %s", time, level, formatMessage(record));
    return record.getThrown() == null ? line : line + "\n" + trace(record.getThrown());
  }

  private String json(LogRecord record, String level, String time) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("event", formatMessage(record));
    line.put("level", level);
    line.put("logger", record.getLoggerName());
    line.put("timestamp", time);
    if (record.getThrown() != null) {
      line.put("exception", trace(record.getThrown()));
    }
    try {
      return PlainJson.MAPPER.writeValueAsString(line);
    } catch (JsonProcessingException error) {
      return plain(record, level, time);
    }
  }

  private static String level(LogRecord record) {
    int value = record.getLevel().intValue();
    if (value >= Level.SEVERE.intValue()) {
      return "error";
    }
    return value >= Level.WARNING.intValue() ? "warning" : "info";
  }

  private static String trace(Throwable thrown) {
    StringWriter words = new StringWriter();
    thrown.printStackTrace(new PrintWriter(words, true));
    return words.toString().strip();
  }
}
