import { join } from 'node:path';

export type Properties = Record<string, string>;

/** The security protocol of each further listener, by the listener's name. */
export type Listeners = Readonly<
  Record<string, 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'>
>;

/** Name of the listener behind the caller's proxy. */
export const PROXIED = 'PROXIED';

export interface BrokerPlace {
  readonly id: number;
  /** Ports of 127.0.0.1. Every broker is a controller, too. */
  readonly brokerPort: number;
  readonly controllerPort: number;
  /** By the name of the listener. */
  readonly furtherPorts: Readonly<Record<string, number>>;
  /** The port that the `PROXIED` listener advertises, if the broker has that listener. */
  readonly proxyPort?: number | undefined;
  /** Holds the broker's properties, log and data. */
  readonly folder: string;
}

/** The folder of the broker's records and metadata. */
export function dataFolder(place: BrokerPlace): string {
  return join(place.folder, 'data');
}

/**
 * Properties of a small broker: few internal partitions, and no wait for more group members, so that the first consumer
 * starts at once. Three brokers replicate three times and need two in sync, as production should.
 */
export function brokerProperties(
  place: BrokerPlace,
  all: readonly BrokerPlace[],
  further: Listeners,
): Properties {
  const ports = {
    PLAINTEXT: place.brokerPort,
    CONTROLLER: place.controllerPort,
    ...place.furtherPorts,
  };
  const protocols = { PLAINTEXT: 'PLAINTEXT', CONTROLLER: 'PLAINTEXT', ...further };
  const advertised = place.proxyPort ? { ...ports, [PROXIED]: place.proxyPort } : ports;
  return {
    'process.roles': 'broker,controller',
    'node.id': String(place.id),
    'controller.quorum.bootstrap.servers': all
      .map((each) => `127.0.0.1:${each.controllerPort}`)
      .join(','),
    listeners: joined(ports, onLoopback),
    'advertised.listeners': joined(advertised, onLoopback),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': joined(
      protocols,
      (name, protocol) => `${name}:${protocol}`,
    ),
    'log.dirs': dataFolder(place),
    ...sizing(all.length),
  };
}

/** Replication and internal topics for that number of brokers. */
export function sizing(brokerCount: number): Properties {
  const replicas = String(Math.min(3, brokerCount));
  const minInSync = String(Math.min(2, brokerCount));
  return {
    'num.partitions': '3',
    'default.replication.factor': replicas,
    'min.insync.replicas': minInSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': minInSync,
    'transaction.state.log.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': minInSync,
    'group.initial.rebalance.delay.ms': '0',
    'log.cleaner.dedupe.buffer.size': '4194304',
  };
}

/** The text of a Java properties file, in which a backslash is an escape. */
export function propertiesFile(properties: Properties): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('');
}

function onLoopback(name: string, port: number): string {
  return `${name}://127.0.0.1:${port}`;
}

function joined<T>(
  entries: Record<string, T>,
  text: (name: string, value: T) => string,
): string {
  return Object.entries(entries)
    .map(([name, value]) => text(name, value))
    .join(',');
}
