package chainsaga.jvm;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Base64;
import java.util.concurrent.TimeUnit;

/**
 * A key and its certificate, which nobody but itself vouches for; made by the JDK's own program.
 *
 * @param certificate as text (PEM)
 * @param key as text (PEM, PKCS#8)
 */
record Certificates(String certificate, String key) {
  private static final String PASSWORD = "changeit";

  /** Those of a host. */
  static Certificates of(String host, Path folder) throws Exception {
    Path file = folder.resolve(host + ".p12");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair", "-keyalg", "EC", "-storetype", "PKCS12", "-alias", "own",
                "-keystore", file.toString(), "-storepass", PASSWORD,
                "-dname", "CN=" + host, "-ext", "SAN=dns:" + host, "-validity", "2")
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("keytool.log").toFile())
            .start();
    if (!process.waitFor(60, TimeUnit.SECONDS) || process.exitValue() != 0) {
      throw new IllegalStateException(Files.readString(folder.resolve("keytool.log")));
    }
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream stored = Files.newInputStream(file)) {
      store.load(stored, PASSWORD.toCharArray());
    }
    return new Certificates(
        text("CERTIFICATE", store.getCertificate("own").getEncoded()),
        text("PRIVATE KEY", store.getKey("own", PASSWORD.toCharArray()).getEncoded()));
  }

  private static String text(String what, byte[] encoded) {
    String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(encoded);
    return "-----BEGIN " + what + "-----\n" + text + "\n-----END " + what + "-----\n";
  }
}
