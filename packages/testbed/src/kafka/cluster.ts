/** A listener whose clients come through a proxy: the caller's, who has it listen where the broker says it is. */
export interface ProxiedListener {
  /** `host:port` that the broker tells its clients; the proxy listens there. */
  readonly listen: string;
  /** `host:port` where the broker itself listens. */
  readonly target: string;
}

/** One broker that was started here, so that a test may do to it what happens to brokers. */
export interface KafkaNode {
  readonly id: number;
  /** `host:port` of the PLAINTEXT listener. */
  readonly address: string;
  /** `host:port` of each further listener that was asked for, by its name. */
  readonly listeners: Readonly<Record<string, string>>;
  /** Where a proxy of the caller's stands, when `proxied` was asked for. */
  readonly proxied?: ProxiedListener;
  /** Of the broker's own process; another one after `restart()`. */
  readonly pid: number;
  /** Freezes it (SIGSTOP): its connections stay open and nothing answers. */
  pause(): Promise<void>;
  /** Lets it go on (SIGCONT). */
  resume(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it has handed over what it leads and ended in its own way. */
  shutDown(): Promise<void>;
  /** The same ports and data; kills it first if it runs. Resolves when it takes part in its cluster again. */
  restart(): Promise<void>;
}

export interface KafkaCluster extends AsyncDisposable {
  /** `host:port,…`, as `KAFKA_BROKERS` has it. */
  readonly brokers: string;
  /** Empty when the brokers were given from outside: those are not ours to stop. */
  readonly nodes: readonly KafkaNode[];
  stop(): Promise<void>;
}

export interface RunningCluster {
  readonly nodes: readonly KafkaNode[];
  readonly stop: () => Promise<void>;
}

/** Nothing worth waiting for happens after a second `stop()`. */
export function clusterOf(
  brokers: string,
  nodes: readonly KafkaNode[],
  end: () => Promise<void>,
): KafkaCluster {
  let ending: Promise<void> | undefined;
  const stop = () => (ending ??= end());
  return { brokers, nodes, stop, [Symbol.asyncDispose]: stop };
}
