package chainsaga.jvm;

import io.grpc.Metadata;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.temporal.serviceclient.SimpleSslContextBuilder;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Map;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where Temporal is, by the environment variables that all of Temporal's programs read. Its files
 * of settings (TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE) are not read.
 */
final class Cluster {
  private static final Logger LOG = LoggerFactory.getLogger(Cluster.class);
  private static final Duration TRIED = Duration.ofSeconds(5);
  private static final String HEADER = "TEMPORAL_GRPC_META_";

  private final Map<String, String> environment;

  Cluster(Map<String, String> environment) {
    this.environment = environment;
  }

  /** The namespace. */
  String namespace() {
    return named("TEMPORAL_NAMESPACE", "default");
  }

  /**
   * A connection, as soon as the server answers.
   *
   * @throws Config.Invalid when a variable has no meaning
   */
  WorkflowServiceStubs connect() throws Config.Invalid, InterruptedException {
    WorkflowServiceStubs stubs = WorkflowServiceStubs.newServiceStubs(options());
    while (true) {
      try {
        stubs.connect(TRIED);
        return stubs;
      } catch (RuntimeException error) {
        LOG.warn("Temporal does not answer at {}; trying again: {}", address(), error.toString());
        Thread.sleep(TRIED.toMillis() / 5);
      }
    }
  }

  private String address() {
    return named("TEMPORAL_ADDRESS", "localhost:7233");
  }

  /** An empty variable says nothing. */
  private String named(String variable, String otherwise) {
    String text = environment.getOrDefault(variable, "");
    return text.isEmpty() ? otherwise : text;
  }

  /** What a connection is made with. */
  WorkflowServiceStubsOptions options() throws Config.Invalid {
    var options = WorkflowServiceStubsOptions.newBuilder().setTarget(address());
    String key = environment.get("TEMPORAL_API_KEY");
    if (key != null) {
      options.addApiKey(() -> key);
    }
    Metadata headers = headers();
    options.addGrpcMetadataProvider(() -> headers);
    if (!encrypted(key != null)) {
      return options.build();
    }
    try {
      options.setSslContext(ssl());
    } catch (IOException | GeneralSecurityException | IllegalArgumentException error) {
      throw new Config.Invalid("TEMPORAL_TLS_…", error.toString());
    }
    String name = environment.get("TEMPORAL_TLS_SERVER_NAME");
    if (name != null) {
      options.setChannelInitializer(channel -> channel.overrideAuthority(name));
    }
    return options.build();
  }

  /** What goes with each call: {@code TEMPORAL_GRPC_META_X_TEAM} is the header {@code x-team}. */
  private Metadata headers() {
    Metadata headers = new Metadata();
    environment.forEach(
        (variable, value) -> {
          if (variable.startsWith(HEADER) && !value.isEmpty()) {
            String name = variable.substring(HEADER.length()).toLowerCase().replace('_', '-');
            headers.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value);
          }
        });
    return headers;
  }

  /** As Temporal's programs have it: what needs encryption switches it on. */
  private boolean encrypted(boolean withKey) throws Config.Invalid {
    if (!environment.getOrDefault("TEMPORAL_TLS", "").isEmpty()) {
      return Config.truth(environment, "TEMPORAL_TLS");
    }
    return withKey || environment.keySet().stream().anyMatch(it -> it.startsWith("TEMPORAL_TLS_"));
  }

  private SslContext ssl() throws IOException, GeneralSecurityException, Config.Invalid {
    byte[] certificate = given("CLIENT_CERT");
    byte[] key = given("CLIENT_KEY");
    if ((certificate == null) != (key == null)) {
      throw new Config.Invalid("TEMPORAL_TLS_CLIENT_…", "a certificate and its key go together");
    }
    SimpleSslContextBuilder builder =
        certificate == null
            ? SimpleSslContextBuilder.noKeyOrCertChain()
            : SimpleSslContextBuilder.forPKCS8(
                new ByteArrayInputStream(certificate), new ByteArrayInputStream(key));
    byte[] authority = given("SERVER_CA_CERT");
    if (authority != null) {
      builder.setTrustManager(trust(new ByteArrayInputStream(authority)));
    }
    return builder.build();
  }

  /** A certificate or key, as text or in a file. */
  private byte[] given(String name) throws IOException, Config.Invalid {
    String variable = "TEMPORAL_TLS_" + name;
    String data = environment.get(variable + "_DATA");
    String path = environment.get(variable + "_PATH");
    if (data != null && path != null) {
      throw new Config.Invalid(variable + "_…", "it is given twice, as text and as a file");
    }
    if (data != null) {
      return data.getBytes(StandardCharsets.UTF_8);
    }
    return path == null ? null : Files.readAllBytes(Path.of(path));
  }

  private static TrustManager trust(InputStream authority)
      throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    for (Certificate each :
        CertificateFactory.getInstance("X.509").generateCertificates(authority)) {
      store.setCertificateEntry("authority-" + store.size(), each);
    }
    var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return factory.getTrustManagers()[0];
  }
}
