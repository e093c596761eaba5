import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startBridge, type BridgeProcess } from '../../dev/bridge.js';
import type { KafkaCluster, KafkaNode } from '../../dev/kafka.js';
import { client, countById, readTopics } from '../kafka/topic-log.js';
import { GeminiSender, SECRET } from './gemini-sender.js';
import { startOwnKafka } from './own-kafka.js';

const TOPIC = 'gemini.batch.succeeded';

describe('one broker of three', () => {
  let kafka: KafkaCluster;
  let bridge: BridgeProcess;
  let sender: GeminiSender;

  beforeAll(async () => {
    kafka = await startOwnKafka(3);
    bridge = await startBridge({ KAFKA_BROKERS: kafka.brokers, WEBHOOK_SECRETS: SECRET });
    await bridge.ready(60_000);
    sender = new GeminiSender(() => bridge.url);
  }, 180_000);

  afterAll(async () => {
    await bridge?.stop();
    await kafka?.stop();
  }, 60_000);

  afterEach(async () => {
    for (const node of kafka.nodes) await node.resume();
  });

  it('is asked for topics with three replicas, two of them in sync', async () => {
    const admin = client(kafka.brokers).admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] });
    await admin.disconnect();
    expect(topics[0]?.partitions.every(({ replicas }) => replicas.length === 3)).toBe(
      true,
    );
  });

  async function leaderOf(partition: number): Promise<KafkaNode> {
    const admin = client(kafka.brokers).admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] });
    await admin.disconnect();
    const leader = topics[0]?.partitions.find((p) => p.partitionId === partition)?.leader;
    return kafka.nodes.find(({ id }) => id === leader) as KafkaNode;
  }

  /** Sends without pause while `fault` strikes, then until everything was taken. */
  async function underLoad(
    prefix: string,
    fault: () => Promise<void>,
  ): Promise<string[]> {
    const ids: string[] = [];
    let over = false;
    const load = Array.from({ length: 8 }, async (_, lane) => {
      for (let i = 0; !over; i++) {
        const id = `${prefix}_${lane}_${i}`;
        ids.push(id);
        await sender.untilTaken(id);
        await delay(20);
      }
    });
    await delay(500);
    await fault();
    over = true;
    await Promise.all(load);
    return ids;
  }

  async function expectOnce(ids: readonly string[]): Promise<void> {
    const counts = countById(await readTopics(kafka.brokers));
    for (const id of ids) expect([id, counts.get(id)]).toEqual([id, 1]);
  }

  it('can be killed and restarted under load: everything once, no long waits', async () => {
    const node = await leaderOf(0);
    const ids = await underLoad('kill', async () => {
      await node.kill();
      await delay(3000);
      await node.restart();
      await delay(1000);
    });
    expect(ids.length).toBeGreaterThan(100);
    await expectOnce(ids);
  }, 180_000);

  it('can hang until its partitions have moved: the others go on, everything once', async () => {
    const node = await leaderOf(0);
    let takenWhileHung = 0;
    const ids = await underLoad('hang', async () => {
      await node.pause();
      const before = sender.acknowledged.size;
      await delay(2500); // leadership moves after three seconds
      takenWhileHung = sender.acknowledged.size - before;
      await delay(8000);
      await node.resume();
      await delay(1000);
    });
    expect(takenWhileHung).toBeGreaterThan(0);
    await expectOnce(ids);
    for (const { tookMs } of sender.attempts) expect(tookMs).toBeLessThan(4500);
  }, 180_000);

  it('can be missed twice: below min ISR nothing is answered 2xx, and nothing is lost', async () => {
    const [first, second] = kafka.nodes.filter(({ id }) => id !== 1) as [
      KafkaNode,
      KafkaNode,
    ];
    await first.kill();
    await second.kill();
    const ids = Array.from({ length: 10 }, (_, i) => `isr_${i}`);
    const attempts = await Promise.all(ids.map((id) => sender.once(id)));
    for (const { status } of attempts) expect(status).toBe(503);
    await first.restart();
    await second.restart();
    await Promise.all(ids.map((id) => sender.untilTaken(id, 90_000)));
    await expectOnce(ids);
  }, 240_000);
});
