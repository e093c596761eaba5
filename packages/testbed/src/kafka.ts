import { parseArgs } from 'node:util';
import { clusterOf, type KafkaCluster, type RunningCluster } from './kafka/cluster.js';
import { classArchive } from './kafka/class-archive.js';
import { startDockerBroker } from './kafka/docker.js';
import { kafkaJars } from './kafka/jars.js';
import { startJavaCluster, type ScramUser } from './kafka/java-cluster.js';
import type { JavaSetup } from './kafka/java-command.js';
import type { Java } from './kafka/java.js';
import type { Listeners, Properties } from './kafka/properties.js';
import { findProvider, type DockerProvider } from './kafka/provider.js';
import { runUntilSignal, parsePort, isMainModule } from './process/command-line.js';
import { secondsSince, toStderr, type Log } from './process/log.js';

export type { KafkaCluster, KafkaNode, ProxiedListener } from './kafka/cluster.js';

export interface KafkaOptions {
  /** Three brokers replicate three times and need two in sync; a single one does neither. */
  readonly nodes?: 1 | 3;
  /** Starts brokers even when `KAFKA_BROKERS` names some: for tests that break them. */
  readonly own?: boolean;
  /**
   * Broker properties that override the testbed's, in every broker. The cluster misses a killed or paused broker after
   * 9 s, and `restart()` waits as long; `broker.session.timeout.ms` with `broker.heartbeat.interval.ms` shortens both.
   */
  readonly properties?: Properties;
  /** Listeners beside the PLAINTEXT one, each on a port of its own (`KafkaNode.listeners`); needs Java. */
  readonly listeners?: Listeners;
  /** Adds a PLAINTEXT listener behind a proxy that the caller runs (`KafkaNode.proxied`); needs Java. */
  readonly proxied?: boolean;
  /** Users of SCRAM-SHA-256 and SCRAM-SHA-512; needs Java. */
  readonly scramUsers?: readonly ScramUser[];
  /** The first broker's port; the cluster takes the following ones for its controllers. Free ports when absent. */
  readonly port?: number;
  /** Keeps the brokers' data after `stop()` for the next start; needs Java. A temporary folder when absent. */
  readonly folder?: string;
  /** Replaces the options of each JVM: a small heap and a quick start. */
  readonly javaOptions?: readonly string[];
  /** Progress; stderr when absent. */
  readonly log?: Log;
}

/**
 * A Kafka for development and tests: the brokers that `KAFKA_BROKERS` names, else brokers started with Java, else one in
 * Docker. Brokers that were started end with `stop()` and with this process, however that ends.
 */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaCluster> {
  const { own = false, log = toStderr } = options;
  const given = process.env['KAFKA_BROKERS'];
  if (given && !own) return clusterOf(given, [], async () => undefined);

  const provider = await findProvider();
  const start =
    'java' in provider
      ? await withJava(provider.java, options, log)
      : withDocker(provider, options);
  const count = options.nodes ?? 1;
  log(`kafka: starting ${count} broker${count > 1 ? 's' : ''} …`);
  const startMs = performance.now();
  const { nodes, stop } = await start();
  const brokers = nodes.map((node) => node.address).join(',');
  log(`kafka: ready on ${brokers} after ${secondsSince(startMs)}`);
  return clusterOf(brokers, nodes, stop);
}

type Start = () => Promise<RunningCluster>;

/** Downloads what a start needs before it returns, so that the start's time does not include downloads. */
async function withJava(java: Java, options: KafkaOptions, log: Log): Promise<Start> {
  const {
    nodes = 1,
    properties = {},
    listeners = {},
    proxied = false,
    scramUsers = [],
    javaOptions,
    port,
    folder,
  } = options;
  const jarFolder = await kafkaJars(log);
  const setup: JavaSetup = {
    java: java.path,
    jarFolder,
    classArchive: await classArchive(java, jarFolder, log),
    ...(javaOptions && { options: javaOptions }),
  };
  return () =>
    startJavaCluster({
      nodeCount: nodes,
      java: setup,
      properties,
      listeners,
      proxied,
      scramUsers,
      port,
      folder,
    });
}

function withDocker({ docker, noJava }: DockerProvider, options: KafkaOptions): Start {
  const { nodes = 1, listeners, proxied, scramUsers, folder, port } = options;
  if (nodes > 1 || listeners || proxied || scramUsers || folder) {
    throw new Error(
      `These options of startKafka need Java, and Docker gives one plain broker only. Install Java 17 or later and Maven: ${noJava}`,
    );
  }
  return () => startDockerBroker(docker, options.properties ?? {}, port);
}

const USAGE = `Starts a Kafka for development, prints its brokers as host:port,… and runs until Ctrl-C.

  npx tsx packages/testbed/src/kafka.ts [--nodes 1|3] [--own] [--port n] [--folder path] [--property name=value]…

  --nodes 3     three brokers: replication 3, two in sync
  --own         start brokers even when KAFKA_BROKERS names some
  --port        the first broker's port; the controllers take the following ones
  --folder      keeps the data there for the next start
  --property    a broker property, may be repeated`;

if (isMainModule(import.meta.url)) {
  await runUntilSignal(USAGE, async () => {
    const { values } = parseArgs({
      options: {
        nodes: { type: 'string', default: '1' },
        own: { type: 'boolean' },
        port: { type: 'string' },
        folder: { type: 'string' },
        property: { type: 'string', multiple: true },
      },
    });
    const kafka = await startKafka({
      nodes: parseNodes(values.nodes),
      own: values.own ?? false,
      properties: propertiesFrom(values.property ?? []),
      ...(values.port !== undefined && { port: parsePort('--port', values.port) }),
      ...(values.folder !== undefined && { folder: values.folder }),
    });
    return { address: kafka.brokers, stop: () => kafka.stop() };
  });
}

function parseNodes(text: string): 1 | 3 {
  if (text === '1') return 1;
  if (text === '3') return 3;
  throw new Error(`--nodes is 1 or 3, not ${text}`);
}

function propertiesFrom(pairs: readonly string[]): Properties {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
      if (name === undefined || value === undefined) {
        throw new Error(`--property is name=value, not ${pair}`);
      }
      return [name, value];
    }),
  );
}
