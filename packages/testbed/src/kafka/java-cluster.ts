import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { freePorts } from '../process/free-ports.js';
import { run, tail } from '../process/run.js';
import { temporaryFolder, type TemporaryFolder } from '../process/temporary-folder.js';
import type { RunningCluster } from './cluster.js';
import { JavaNode, PortTakenError } from './broker.js';
import { javaCommand, type JavaSetup } from './java-command.js';
import {
  brokerProperties,
  dataFolder,
  PROXIED,
  type BrokerPlace,
  type Listeners,
  type Properties,
} from './properties.js';

const PORT_ATTEMPTS = 5;

/** Kafka keeps SCRAM users in the cluster's metadata. They are written when the cluster is formatted. */
export interface ScramUser {
  readonly username: string;
  readonly password: string;
}

export interface ClusterPlan {
  readonly nodeCount: 1 | 3;
  readonly java: JavaSetup;
  /** Override the properties of `brokerProperties`, in every broker. */
  readonly properties: Properties;
  /** Beside the PLAINTEXT listener. `properties` holds what their protocols need. */
  readonly listeners: Listeners;
  /** Adds the `PROXIED` listener. */
  readonly proxied: boolean;
  readonly scramUsers: readonly ScramUser[];
  /** The first broker's port; the cluster takes as many following ones as it needs. Free ports when absent. */
  readonly port?: number | undefined;
  /** Keeps the data between clusters; a temporary folder when absent. */
  readonly folder?: string | undefined;
}

export interface JavaCluster extends RunningCluster {
  readonly nodes: readonly JavaNode[];
}

/** Starts brokers, each in a JVM of its own on 127.0.0.1. */
export async function startJavaCluster(plan: ClusterPlan): Promise<JavaCluster> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryToStart(plan);
    } catch (error) {
      const mayTryOthers = error instanceof PortTakenError && plan.port === undefined;
      if (!mayTryOthers || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function tryToStart(plan: ClusterPlan): Promise<JavaCluster> {
  const folder = plan.folder
    ? await keptFolder(plan.folder)
    : await temporaryFolder('gemini-kafka-bridge-kafka');
  const listeners: Listeners = {
    ...plan.listeners,
    ...(plan.proxied && { [PROXIED]: 'PLAINTEXT' }),
  };
  const places = await choosePlaces(plan, Object.keys(listeners), folder.path);
  const formattedAs = await formattedClusterId(places);
  const clusterId = formattedAs ?? randomKafkaId();
  const nodes = places.map((place) => new JavaNode(place, clusterId, plan.java));
  const kill = () => Promise.all(nodes.map((node) => node.kill()));
  try {
    await Promise.all(
      nodes.map((node) =>
        node.prepare({
          ...brokerProperties(node.place, places, listeners),
          ...plan.properties,
        }),
      ),
    );
    if (formattedAs === undefined) await format(plan, nodes, clusterId);
    for (const node of nodes) node.launch();
    const complete = nodes.map((node) =>
      node.answers((answer) => answer.brokerIds.length === plan.nodeCount),
    );
    await Promise.all(complete);
  } catch (error) {
    await kill();
    // The error names the folder, whose logs the reader may want.
    if (error instanceof PortTakenError) await folder.remove();
    else folder.keep();
    throw error;
  }
  return {
    nodes,
    async stop() {
      if (plan.folder) await Promise.all(nodes.map((node) => node.shutDown()));
      else await kill();
      await folder.remove();
    },
  };
}

/** A folder that `remove()` leaves where it is. */
async function keptFolder(
  given: string,
): Promise<Pick<TemporaryFolder, 'path' | 'keep' | 'remove'>> {
  const path = resolve(given); // the broker runs in it
  await mkdir(path, { recursive: true });
  return { path, keep: () => undefined, remove: async () => undefined };
}

/** Cluster id that the data folders carry already; undefined before the first format. */
async function formattedClusterId(
  places: readonly BrokerPlace[],
): Promise<string | undefined> {
  for (const place of places) {
    const path = join(dataFolder(place), 'meta.properties');
    const text = await readFile(path, 'utf8').catch(() => '');
    const [, clusterId] = /^cluster\.id=(.+)$/m.exec(text) ?? [];
    if (clusterId !== undefined) return clusterId;
  }
  return undefined;
}

async function choosePlaces(
  { nodeCount, proxied, port }: ClusterPlan,
  names: readonly string[],
  folder: string,
): Promise<BrokerPlace[]> {
  const portsEach = 2 + names.length + (proxied ? 1 : 0);
  const count = nodeCount * portsEach;
  const ports = (
    port === undefined ? await freePorts(count) : portsFrom(port, count)
  ).values();
  const next = () => ports.next().value ?? 0;
  return Array.from({ length: nodeCount }, (_, index) => ({
    id: index + 1,
    brokerPort: next(),
    controllerPort: next(),
    furtherPorts: Object.fromEntries(names.map((name) => [name, next()])),
    proxyPort: proxied ? next() : undefined,
    folder: join(folder, `broker-${index + 1}`),
  }));
}

function portsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/** Writes the cluster id and the first voters into the data folders. Kafka requires it before the first start. */
async function format(
  plan: ClusterPlan,
  nodes: readonly JavaNode[],
  clusterId: string,
): Promise<void> {
  const voters = nodes
    .map(
      ({ place }) => `${place.id}@127.0.0.1:${place.controllerPort}:${randomKafkaId()}`,
    )
    .join(',');
  const scram = plan.scramUsers.flatMap(({ username, password }) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${username},password=${password}]`,
    ]),
  );
  // The caller's options are for brokers: a large heap slows the format down
  const { options: _brokerOptions, ...setup } = plan.java;
  const runs = nodes.map(async (node) => {
    const args = ['format', '-t', clusterId, '-c', node.propertiesPath];
    const { command, args: javaArgs } = javaCommand(setup, 'kafka.tools.StorageTool', [
      ...args,
      '--initial-controllers',
      voters,
      ...scram,
    ]);
    const { ok, output } = await run(command, javaArgs);
    if (!ok) {
      throw new Error(
        `Kafka could not format ${node.place.folder}. Check the properties given to startKafka.\n${tail(output)}`,
      );
    }
  });
  await Promise.all(runs);
}

/** A UUID in Kafka's form. The format command takes a leading dash for an option. */
function randomKafkaId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? randomKafkaId() : id;
}
