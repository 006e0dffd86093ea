package chainsaga.jvm;

import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The worker process. It polls one task queue until it is told to stop. */
public final class Main {
  private static final Duration BEATS = Duration.ofMillis(900);

  private Main() {}

  /** Work until the process is told to end. */
  public static void main(String[] arguments) throws InterruptedException {
    try {
      Config config = Config.of(System.getenv());
      LogLines.begin(config.logJson());
      serve(config, new Cluster(System.getenv()));
    } catch (Config.Invalid error) {
      System.err.println(error.getMessage());
      System.exit(1);
    }
  }

  private static void serve(Config config, Cluster cluster)
      throws Config.Invalid, InterruptedException {
    Logger log = LoggerFactory.getLogger(Main.class);
    ScriptProcesses processes =
        new ScriptProcesses(config.scriptProcesses(), config.scriptMemory());
    processes.warm();
    WorkflowServiceStubs stubs = cluster.connect();
    WorkflowClient client =
        WorkflowClient.newInstance(
            stubs,
            WorkflowClientOptions.newBuilder().setNamespace(cluster.namespace()).build());
    WorkerFactory factory = WorkerFactory.newInstance(client);
    Worker worker = factory.newWorker(config.queue(), options(config));
    worker.registerActivitiesImplementations(
        new ScriptActivity(processes, config.scriptTimeout()),
        new Compiler(processes, config.scriptTimeout()));
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> stop(factory, processes, config.grace()), "stop"));
    factory.start();
    log.info("jvm worker ready queue={} namespace={}", config.queue(), cluster.namespace());
  }

  /** As many steps as processes: others wait in the queue, where another worker may take them. */
  private static WorkerOptions options(Config config) {
    return WorkerOptions.newBuilder()
        .setMaxConcurrentActivityExecutionSize(config.scriptProcesses())
        .setMaxHeartbeatThrottleInterval(BEATS)
        .build();
  }

  private static void stop(WorkerFactory factory, ScriptProcesses processes, Duration grace) {
    factory.shutdown();
    factory.awaitTermination(grace.toMillis(), TimeUnit.MILLISECONDS);
    if (factory.isTerminated()) {
      processes.close();
    }
    // Else a script is cut off by the end of this process, so that its step leaves no answer, and
    // another worker tries it again: killed now, it would answer that it failed.
  }
}
