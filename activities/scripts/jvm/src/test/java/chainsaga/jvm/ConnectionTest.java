package chainsaga.jvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.handler.ssl.ClientAuth;
import io.grpc.stub.StreamObserver;
import io.temporal.api.workflowservice.v1.DescribeNamespaceRequest;
import io.temporal.api.workflowservice.v1.DescribeNamespaceResponse;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.io.ByteArrayInputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Calls to a server that wants encryption, and a certificate of whoever calls it. */
class ConnectionTest {
  private static final String HOST = "temporal.test";
  private static final AtomicReference<Metadata> HEARD = new AtomicReference<>();
  private static Certificates own;
  private static Certificates client;
  private static Server server;

  @BeforeAll
  static void start(@TempDir Path folder) throws Exception {
    own = Certificates.of(HOST, folder);
    client = Certificates.of("worker.test", folder);
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
            .sslContext(
                GrpcSslContexts.forServer(stream(own.certificate()), stream(own.key()))
                    .trustManager(stream(client.certificate()))
                    .clientAuth(ClientAuth.REQUIRE)
                    .build())
            .addService(new Namespaces())
            .intercept(new Listener())
            .build()
            .start();
  }

  @AfterAll
  static void stop() throws InterruptedException {
    server.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
  }

  @Test
  void bothKnowEachOther() throws Exception {
    assertEquals("answered", asked(Map.of()));
  }

  @Test
  void aCallHasTheKeyAndTheHeadersOfTheEnvironment() throws Exception {
    asked(Map.of("TEMPORAL_API_KEY", "secret", "TEMPORAL_GRPC_META_X_TEAM", "rules"));
    assertEquals("Bearer secret", heard("authorization"));
    assertEquals("rules", heard("x-team"));
  }

  @Test
  void nobodyElseIsTakenForTheServer() {
    Map<String, String> other = Map.of("TEMPORAL_TLS_SERVER_NAME", "other.test");
    assertThrows(StatusRuntimeException.class, () -> asked(other));
  }

  @Test
  void aServerIsNotTakenAtItsWord() {
    Map<String, String> other = Map.of("TEMPORAL_TLS_SERVER_CA_CERT_DATA", client.certificate());
    assertThrows(StatusRuntimeException.class, () -> asked(other));
  }

  @Test
  void nobodyElseIsTakenForTheWorker() {
    Map<String, String> other =
        Map.of(
            "TEMPORAL_TLS_CLIENT_CERT_DATA", own.certificate(),
            "TEMPORAL_TLS_CLIENT_KEY_DATA", own.key());
    assertThrows(StatusRuntimeException.class, () -> asked(other));
  }

  /** A call with what is needed, and with what is said otherwise. */
  private static String asked(Map<String, String> said) throws Exception {
    Map<String, String> environment =
        new HashMap<>(
            Map.of(
                "TEMPORAL_ADDRESS", "127.0.0.1:" + server.getPort(),
                "TEMPORAL_TLS_SERVER_NAME", HOST,
                "TEMPORAL_TLS_SERVER_CA_CERT_DATA", own.certificate(),
                "TEMPORAL_TLS_CLIENT_CERT_DATA", client.certificate(),
                "TEMPORAL_TLS_CLIENT_KEY_DATA", client.key()));
    environment.putAll(said);
    var stubs = WorkflowServiceStubs.newServiceStubs(new Cluster(environment).options());
    try {
      return stubs
          .blockingStub()
          .withDeadlineAfter(20, TimeUnit.SECONDS)
          .describeNamespace(DescribeNamespaceRequest.getDefaultInstance())
          .getNamespaceInfo()
          .getName();
    } finally {
      stubs.shutdownNow();
    }
  }

  private static String heard(String header) {
    return HEARD.get().get(Metadata.Key.of(header, Metadata.ASCII_STRING_MARSHALLER));
  }

  private static ByteArrayInputStream stream(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }

  private static final class Namespaces extends WorkflowServiceGrpc.WorkflowServiceImplBase {
    @Override
    public void describeNamespace(
        DescribeNamespaceRequest request, StreamObserver<DescribeNamespaceResponse> answer) {
      var found = DescribeNamespaceResponse.newBuilder();
      found.getNamespaceInfoBuilder().setName("answered");
      answer.onNext(found.build());
      answer.onCompleted();
    }
  }

  private static final class Listener implements ServerInterceptor {
    @Override
    public <A, B> ServerCall.Listener<A> interceptCall(
        ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
      HEARD.set(headers);
      return next.startCall(call, headers);
    }
  }
}
