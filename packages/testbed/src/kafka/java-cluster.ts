import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePorts } from '../process/free-ports.js';
import { run, tail } from '../process/run.js';
import { temporaryFolder } from '../process/temporary-folder.js';
import type { RunningCluster } from './cluster.js';
import { JavaNode, PortTakenError } from './broker.js';
import { javaCommand, type JavaSetup } from './java-command.js';
import {
  brokerProperties,
  PROXIED,
  type BrokerPlace,
  type Listeners,
  type Properties,
} from './properties.js';

const PORT_ATTEMPTS = 5;

/** Kafka keeps SCRAM users in the cluster's own metadata, so they have to be there from its first moment. */
export interface ScramUser {
  readonly username: string;
  readonly password: string;
}

export interface ClusterPlan {
  readonly nodeCount: 1 | 3;
  readonly java: JavaSetup;
  /** Win over ours, in every broker. */
  readonly properties: Properties;
  /** Beside the PLAINTEXT one; what their protocols need comes with `properties`. */
  readonly listeners: Listeners;
  /** Adds the `PROXIED` listener. */
  readonly proxied: boolean;
  readonly scramUsers: readonly ScramUser[];
}

export interface JavaCluster extends RunningCluster {
  readonly nodes: readonly JavaNode[];
}

/** Real brokers, each in its own JVM on 127.0.0.1, with a folder of their own that goes when they go. */
export async function startJavaCluster(plan: ClusterPlan): Promise<JavaCluster> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryToStart(plan);
    } catch (error) {
      if (!(error instanceof PortTakenError) || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function tryToStart(plan: ClusterPlan): Promise<JavaCluster> {
  const folder = await temporaryFolder('gemini-kafka-bridge-kafka');
  const listeners: Listeners = {
    ...plan.listeners,
    ...(plan.proxied && { [PROXIED]: 'PLAINTEXT' }),
  };
  const places = await choosePlaces(plan, Object.keys(listeners), folder.path);
  const clusterId = randomKafkaId();
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
    await format(plan, nodes, clusterId);
    for (const node of nodes) node.launch();
    const complete = nodes.map((node) =>
      node.answers((answer) => answer.brokerIds.length === plan.nodeCount),
    );
    await Promise.all(complete);
  } catch (error) {
    await kill();
    // Otherwise the folder stays for whoever reads the error, which names it.
    if (error instanceof PortTakenError) await folder.remove();
    else folder.keep();
    throw error;
  }
  return {
    nodes,
    async stop() {
      await kill();
      await folder.remove();
    },
  };
}

async function choosePlaces(
  { nodeCount, proxied }: ClusterPlan,
  names: readonly string[],
  folder: string,
): Promise<BrokerPlace[]> {
  const portsEach = 2 + names.length + (proxied ? 1 : 0);
  const ports = (await freePorts(nodeCount * portsEach)).values();
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

/** Writes the cluster's identity and the first voters into the data folders, as Kafka demands before the first start. */
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
  // Options from outside are for the broker: a large heap would only slow this down.
  const { options: _brokersOnly, ...setup } = plan.java;
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
        `Kafka could not format ${node.place.folder}. When a property was given from outside, is it one of Kafka's?\n${tail(output)}`,
      );
    }
  });
  await Promise.all(runs);
}

/** Kafka's form of a UUID. A leading dash would look like an option to the format command. */
function randomKafkaId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? randomKafkaId() : id;
}
