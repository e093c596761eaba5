import { Kafka, logLevel } from 'kafkajs';
import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 100;
/**
 * Limits in ms. kafkajs counts them with timers of the asking process. A busy test process runs its timers late and
 * before it sees the answer, so limits of a second or two make a broker look silent that answers at once.
 */
const PATIENT = { connectionTimeout: 10_000, requestTimeout: 20_000 };

export interface Answer {
  readonly clusterId: string;
  /** The brokers that take part: started, registered and not fenced. */
  readonly brokerIds: readonly number[];
}

/** The cluster's metadata from the broker at that address; undefined while it does not answer. */
export async function askBroker(
  address: string,
  limits = PATIENT,
): Promise<Answer | undefined> {
  const kafka = new Kafka({
    brokers: [address],
    clientId: 'dev-readiness',
    ...limits,
    retry: { retries: 0 },
    logLevel: logLevel.NOTHING,
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { clusterId, brokers } = await admin.describeCluster();
    return { clusterId, brokerIds: brokers.map((broker) => broker.nodeId) };
  } catch {
    return undefined;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/**
 * Resolves when the answer satisfies. An open port proves little: a broker listens before it knows its cluster, and the
 * port may even be another cluster's. `giveUp` throws what is worth telling when waiting has become pointless.
 */
export async function waitForAnswer(
  address: string,
  satisfies: (answer: Answer) => boolean,
  giveUp: () => void,
): Promise<void> {
  for (;;) {
    giveUp();
    const answer = await askBroker(address);
    if (answer && satisfies(answer)) return;
    await sleep(PAUSE_MS);
  }
}
