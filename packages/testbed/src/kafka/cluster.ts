/** A listener whose clients come through a proxy. The caller runs the proxy. */
export interface ProxiedListener {
  /** `host:port` that the broker advertises; the proxy listens there. */
  readonly listen: string;
  /** `host:port` where the broker listens. */
  readonly target: string;
}

/** A broker that this process started and may therefore pause, kill and restart. */
export interface KafkaNode {
  readonly id: number;
  /** `host:port` of the PLAINTEXT listener. */
  readonly address: string;
  /** `host:port` of each of `KafkaOptions.listeners`, by its name. */
  readonly listeners: Readonly<Record<string, string>>;
  /** Set when `KafkaOptions.proxied` is. */
  readonly proxied?: ProxiedListener;
  /** Process id of the broker. `restart()` changes it. */
  readonly pid: number;
  /** Freezes it (SIGSTOP): its connections stay open and nothing answers. */
  pause(): Promise<void>;
  /** Undoes `pause()` (SIGCONT). */
  resume(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when the broker has handed over its partitions and ended. */
  shutDown(): Promise<void>;
  /** The same ports and data; kills it first if it runs. Resolves when it takes part in its cluster again. */
  restart(): Promise<void>;
}

export interface KafkaCluster extends AsyncDisposable {
  /** `host:port,…`, as `KAFKA_BROKERS` has it. */
  readonly brokers: string;
  /** Empty for brokers from outside, which this process may not stop. */
  readonly nodes: readonly KafkaNode[];
  stop(): Promise<void>;
}

export interface RunningCluster {
  readonly nodes: readonly KafkaNode[];
  readonly stop: () => Promise<void>;
}

/** A second `stop()` waits for the first. */
export function clusterOf(
  brokers: string,
  nodes: readonly KafkaNode[],
  end: () => Promise<void>,
): KafkaCluster {
  let ending: Promise<void> | undefined;
  const stop = () => (ending ??= end());
  return { brokers, nodes, stop, [Symbol.asyncDispose]: stop };
}
