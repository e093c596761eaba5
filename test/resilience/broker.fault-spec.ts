import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBridge, type BridgeProcess } from '../../packages/testbed/src/bridge.js';
import type { KafkaCluster, KafkaNode } from '../../packages/testbed/src/kafka.js';
import { countById, readTopics } from '../support/topic-log.js';
import { GeminiSender, SECRET } from '../support/gemini-sender.js';
import { startOwnKafka } from './own-kafka.js';

const ACK_BUDGET_MS = 2000;
const SLACK_MS = 500;

describe('a broker that fails', () => {
  let kafka: KafkaCluster;
  let broker: KafkaNode;
  let bridge: BridgeProcess;
  let sender: GeminiSender;

  beforeAll(async () => {
    kafka = await startOwnKafka();
    broker = kafka.nodes[0] as KafkaNode;
    bridge = await startBridge({
      KAFKA_BROKERS: kafka.brokers,
      TOPIC_REPLICATION: '1',
      TOPIC_MIN_ISR: '1',
      WEBHOOK_SECRETS: SECRET,
      ACK_BUDGET_MS: String(ACK_BUDGET_MS),
    });
    await bridge.ready();
    sender = new GeminiSender(() => bridge.url);
  }, 120_000);

  afterAll(async () => {
    await bridge?.stop();
    await kafka?.stop();
  }, 60_000);

  /** Sends events while the broker is down and then until all are accepted. Each must have one record. */
  async function outage(
    prefix: string,
    away: () => Promise<void>,
    back: () => Promise<void>,
  ) {
    await sender.untilAccepted(`${prefix}_before`);
    await away();
    const ids = Array.from({ length: 20 }, (_, i) => `${prefix}_${i}`);
    const refused = await Promise.all(ids.map((id) => sender.once(id)));
    const repeats = await Promise.all(ids.map((id) => sender.once(id)));
    await delay(6000); // longer than the bridge keeps a silent socket open
    const late = await Promise.all(ids.map((id) => sender.once(id)));
    for (const { status, retryAfter, tookMs } of [...refused, ...repeats, ...late]) {
      expect([status, retryAfter]).toEqual([503, '5']);
      expect(tookMs).toBeLessThan(ACK_BUDGET_MS + SLACK_MS);
    }
    while ((await fetch(`${bridge.internalUrl}/health/ready`)).ok) await delay(100);
    await back();
    await Promise.all(ids.map((id) => sender.untilAccepted(id)));
    await bridge.ready(30_000);
    const counts = countById(await readTopics(kafka.brokers));
    for (const id of ids) expect([id, counts.get(id)]).toEqual([id, 1]);
  }

  it('leads to no 2xx while it is killed, and to one record of each event afterwards', async () => {
    await outage(
      'killed',
      () => broker.kill(),
      () => broker.restart(),
    );
  }, 120_000);

  it('leads to no 2xx while it hangs, and to one record of each event afterwards', async () => {
    await outage(
      'hung',
      () => broker.pause(),
      () => broker.resume(),
    );
  }, 120_000);

  it('leads to 503 if it is down at the start of the bridge, until it is up', async () => {
    await broker.kill();
    const second = await startBridge({
      KAFKA_BROKERS: kafka.brokers,
      TOPIC_REPLICATION: '1',
      TOPIC_MIN_ISR: '1',
      WEBHOOK_SECRETS: SECRET,
      ACK_BUDGET_MS: String(ACK_BUDGET_MS),
    });
    try {
      const other = new GeminiSender(() => second.url);
      const early = await other.once('early_1');
      expect(early).toMatchObject({ status: 503, retryAfter: '5' });
      await broker.restart();
      await other.untilAccepted('early_1');
      expect(countById(await readTopics(kafka.brokers)).get('early_1')).toBe(1);
    } finally {
      await second.stop();
    }
  }, 120_000);
});
