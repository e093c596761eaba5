import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startBridge, type BridgeProcess } from '../../packages/testbed/src/bridge.js';
import type { KafkaCluster, KafkaNode } from '../../packages/testbed/src/kafka.js';
import { partitionFor } from '../../src/publishing/producer/murmur2.js';
import { client, countById, readTopics } from '../support/topic-log.js';
import { GeminiSender, SECRET } from '../support/gemini-sender.js';
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

  it('has one of the three replicas of each partition', async () => {
    const admin = client(kafka.brokers).admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] });
    await admin.disconnect();
    expect(topics[0]?.partitions.every(({ replicas }) => replicas.length === 3)).toBe(
      true,
    );
  });

  /** Node ids of the leaders, in the order of the partitions. */
  async function leadersOf(topic: string): Promise<number[]> {
    const admin = client(kafka.brokers).admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    await admin.disconnect();
    const partitions = topics[0]?.partitions ?? [];
    return partitions
      .toSorted((a, b) => a.partitionId - b.partitionId)
      .map(({ leader }) => leader);
  }

  async function leaderOf(partition: number): Promise<KafkaNode> {
    const leader = (await leadersOf(TOPIC))[partition];
    return kafka.nodes.find(({ id }) => id === leader) as KafkaNode;
  }

  /** Sends events during `fault`, and then until all are accepted. */
  async function underLoad(
    prefix: string,
    fault: () => Promise<void>,
  ): Promise<string[]> {
    const ids: string[] = [];
    const over = new AbortController();
    const load = Array.from({ length: 8 }, async (_, lane) => {
      for (let i = 0; !over.signal.aborted; i++) {
        const id = `${prefix}_${lane}_${i}`;
        ids.push(id);
        await sender.untilAccepted(id);
        await delay(20);
      }
    });
    await delay(500);
    await fault();
    over.abort();
    await Promise.all(load);
    return ids;
  }

  async function expectOnce(ids: readonly string[]): Promise<void> {
    const counts = countById(await readTopics(kafka.brokers));
    for (const id of ids) expect([id, counts.get(id)]).toEqual([id, 1]);
  }

  it('can be killed and restarted under load: one record of each event, no long waits', async () => {
    const node = await leaderOf(0);
    const ids = await underLoad('kill', async () => {
      await node.kill();
      await delay(3000);
      await node.restart();
      await delay(1000);
    });
    expect(ids.length).toBeGreaterThan(20); // the fault happened under load
    await expectOnce(ids);
  }, 180_000);

  it('can hang until its partitions have moved: one record of each event, no long waits', async () => {
    const node = await leaderOf(0);
    const ids = await underLoad('hang', async () => {
      await node.pause();
      await delay(10_000); // leadership moves after three seconds
      await node.resume();
      await delay(1000);
    });
    await expectOnce(ids);
    for (const { tookMs } of sender.attempts) expect(tookMs).toBeLessThan(4500);
  }, 180_000);

  it('holds back only its own partitions while it hangs', async () => {
    await using single = await startBridge({
      KAFKA_BROKERS: kafka.brokers,
      WEBHOOK_SECRETS: SECRET,
      TOPIC_PREFIX: 'single',
      TOPIC_REPLICATION: '1', // with more replicas each partition would wait for the hung broker's copy
      TOPIC_MIN_ISR: '1',
    });
    await single.ready(60_000);
    const leaders = await leadersOf('single.batch.succeeded');
    const hung = kafka.nodes[0] as KafkaNode;
    const to = new GeminiSender(() => single.url);
    const idsLedBy = (isHung: boolean, prefix: string) =>
      Array.from({ length: 60 }, (_, i) => `${prefix}-${i}`).filter((id) => {
        const key = Buffer.from(`batches/${id}`);
        return (leaders[partitionFor(key, leaders.length)] === hung.id) === isHung;
      });
    await Promise.all(idsLedBy(false, 'warm').map((id) => to.untilAccepted(id)));
    await hung.pause();
    const heldBack = idsLedBy(true, 'held').map((id) => to.once(id));
    for (const round of ['first', 'second', 'third']) {
      const others = idsLedBy(false, round);
      expect(others.length).toBeGreaterThan(0);
      const attempts = await Promise.all(others.map((id) => to.once(id)));
      expect(attempts.map(({ status }) => status)).toEqual(others.map(() => 200));
      await delay(2500);
    }
    for (const { status } of await Promise.all(heldBack)) expect(status).toBe(503);
    await hung.resume();
    await Promise.all(idsLedBy(true, 'held').map((id) => to.untilAccepted(id)));
    const counts = countById(await readTopics(kafka.brokers, 'single'));
    for (const id of idsLedBy(true, 'held'))
      expect([id, counts.get(id)]).toEqual([id, 1]);
  }, 180_000);

  it('can be down with a second one: no delivery is answered 2xx below min ISR, and none is lost', async () => {
    const [first, second] = kafka.nodes.filter(({ id }) => id !== 1) as [
      KafkaNode,
      KafkaNode,
    ];
    await first.kill();
    await second.kill();
    const ids = Array.from({ length: 10 }, (_, i) => `isr_${i}`);
    const attempts = await Promise.all(ids.map((id) => sender.once(id)));
    for (const { status } of attempts) expect(status).toBe(503);
    await Promise.all([first.restart(), second.restart()]);
    await Promise.all(ids.map((id) => sender.untilAccepted(id, 90_000)));
    await expectOnce(ids);
  }, 240_000);
});
