package chainsaga.jvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the environment says of Temporal; the workers' tests connect to a server. */
class ClusterTest {
  @ParameterizedTest
  @CsvSource({
    "'', '', false",
    "TEMPORAL_TLS, true, true",
    "TEMPORAL_TLS, false, false",
    "TEMPORAL_TLS, '', false",
    "TEMPORAL_API_KEY, secret, true",
    "TEMPORAL_TLS_SERVER_NAME, temporal.example, true",
  })
  void whatNeedsEncryptionSwitchesItOn(String variable, String value, boolean encrypted)
      throws Exception {
    var options = new Cluster(variable.isEmpty() ? Map.of() : Map.of(variable, value)).options();
    assertEquals("localhost:7233", options.getTarget());
    if (encrypted) {
      assertNotNull(options.getSslContext());
    } else {
      assertNull(options.getSslContext());
    }
  }

  @Test
  void anAuthorityMayBeGivenAsTextOrFile(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("authority.pem"), authority());
    for (var given :
        Map.of(
                "TEMPORAL_TLS_SERVER_CA_CERT_DATA", authority(),
                "TEMPORAL_TLS_SERVER_CA_CERT_PATH", file.toString())
            .entrySet()) {
      assertNotNull(new Cluster(Map.ofEntries(given)).options().getSslContext());
    }
  }

  @Test
  void anEmptyVariableSaysNothing() throws Exception {
    Cluster cluster = new Cluster(Map.of("TEMPORAL_ADDRESS", "", "TEMPORAL_NAMESPACE", ""));
    assertEquals("localhost:7233", cluster.options().getTarget());
    assertEquals("default", cluster.namespace());
  }

  @Test
  void whatIsGivenTwiceIsRefused() throws Exception {
    Map<String, String> twice =
        Map.of(
            "TEMPORAL_TLS_SERVER_CA_CERT_DATA", authority(),
            "TEMPORAL_TLS_SERVER_CA_CERT_PATH", "/nowhere/at.all");
    assertThrows(Config.Invalid.class, () -> new Cluster(twice).options());
  }

  @ParameterizedTest
  @CsvSource({
    "TEMPORAL_TLS, perhaps",
    "TEMPORAL_TLS_CLIENT_CERT_DATA, a certificate without its key",
    "TEMPORAL_TLS_SERVER_CA_CERT_DATA, no certificate",
    "TEMPORAL_TLS_SERVER_CA_CERT_PATH, /nowhere/at.all",
    "TEMPORAL_TLS_CLIENT_CERT_PATH, /nowhere/at.all",
  })
  void whatCannotBeReadIsSaid(String variable, String value) {
    Map<String, String> environment = new HashMap<>(Map.of(variable, value));
    assertThrows(Config.Invalid.class, () -> new Cluster(environment).options());
  }

  /** Any of those that this virtual machine trusts. */
  private static String authority() throws Exception {
    Path trusted = Path.of(System.getProperty("java.home"), "lib", "security", "cacerts");
    KeyStore store = KeyStore.getInstance(trusted.toFile(), (char[]) null);
    byte[] whole = store.getCertificate(store.aliases().nextElement()).getEncoded();
    String text = Base64.getMimeEncoder().encodeToString(whole);
    return "-----BEGIN CERTIFICATE-----\n" + text + "\n-----END CERTIFICATE-----\n";
  }
}
