import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBridge, type BridgeProcess } from '../../../packages/testbed/src/bridge.js';
import { startKafka, type KafkaCluster } from '../../../packages/testbed/src/kafka.js';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import { GeminiSender, SECRET } from '../../support/gemini-sender.js';
import { client, countById, readTopics } from '../../support/topic-log.js';
import { until } from '../../../packages/testbed/src/until.js';

const ACK_BUDGET_MS = 2000;

let kafka: KafkaCluster;
let redis: RedisServer;

beforeAll(async () => {
  kafka = await startKafka({ own: true });
  redis = await startRedis({ own: true });
}, 120_000);

afterAll(async () => {
  await redis?.stop();
  await kafka?.stop();
}, 60_000);

/** Environment with topics that only one test uses, so that it has no records of other tests. */
function environment(prefix: string, more: Record<string, string> = {}) {
  return {
    KAFKA_BROKERS: kafka.brokers,
    TOPIC_PREFIX: prefix,
    TOPIC_PARTITIONS: '3',
    TOPIC_REPLICATION: '1',
    TOPIC_MIN_ISR: '1',
    WEBHOOK_SECRETS: SECRET,
    ACK_BUDGET_MS: String(ACK_BUDGET_MS),
    ...more,
  };
}

async function startReady(env: Record<string, string>): Promise<BridgeProcess> {
  const bridge = await startBridge(env);
  await bridge.ready(60_000);
  return bridge;
}

const senderTo = (bridge: BridgeProcess) => new GeminiSender(() => bridge.url);

async function counts(prefix: string): Promise<Map<string, number>> {
  return countById(await readTopics(kafka.brokers, prefix));
}

async function admin<T>(
  use: (admin: ReturnType<ReturnType<typeof client>['admin']>) => Promise<T>,
): Promise<T> {
  const connected = client(kafka.brokers).admin();
  await connected.connect();
  try {
    return await use(connected);
  } finally {
    await connected.disconnect();
  }
}

async function metric(bridge: BridgeProcess, name: string): Promise<number> {
  const text = await (await fetch(`${bridge.internalUrl}/metrics`)).text();
  return Number(new RegExp(`^gemini_bridge_${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

describe('the published ids of the store log', () => {
  it('outlast the process, for events, other types and dead letters', async () => {
    const env = environment('outlast');
    const first = await startReady(env);
    const ids = Array.from({ length: 20 }, (_, i) => `outlast_${i}`);
    await Promise.all(ids.map((id) => senderTo(first).untilAccepted(id)));
    await senderTo(first).once('outlast_other', undefined, '{"type":"batch.paused"}');
    await senderTo(first).once('outlast_letter', undefined, 'no JSON');
    first.kill('SIGKILL');
    await first.exited;

    await using second = await startReady(env);
    const sender = senderTo(second);
    const bodies = await Promise.all([
      ...ids.map((id) => sender.once(id)),
      sender.once('outlast_other', undefined, '{"type":"batch.paused"}'),
      sender.once('outlast_letter', undefined, 'no JSON'),
    ]);
    expect(new Set(bodies.map(({ body }) => body))).toEqual(
      new Set(['{"status":"duplicate"}']),
    );
    const all = await counts('outlast');
    expect(all.size).toBe(22);
    expect(Array.from(all.values()).filter((count) => count !== 1)).toEqual([]);
  }, 120_000);

  it('are read at the start: until then the bridge shows its progress and refuses deliveries', async () => {
    const bridge = await startBridge(environment('unread'));
    try {
      const { status, body } = await senderTo(bridge).once('unread_1');
      expect([status, JSON.parse(body).reason]).toEqual([503, 'kafka-unavailable']);
      const seen = new Set<string>();
      await until(
        'the bridge to be ready',
        async () => {
          const answer = await fetch(`${bridge.internalUrl}/health/ready`);
          if (answer.ok) return true;
          const { log } = (await answer.json()) as { log?: string };
          if (log) seen.add(log);
          return false;
        },
        { state: () => seen },
      );
      expect(Array.from(seen).join()).toMatch(/reading the log back: 0 records/);
      await senderTo(bridge).untilAccepted('unread_1');
    } finally {
      await bridge.stop();
    }
  }, 60_000);

  it("are known without reading the bridge's own records", async () => {
    await using bridge = await startReady(environment('own'));
    const sender = senderTo(bridge);
    for (let round = 0; round < 10; round++) {
      const ids = Array.from({ length: 30 }, (_, i) => `own_${round}_${i}`);
      await Promise.all(ids.map((id) => sender.untilAccepted(id)));
    }
    await delay(1500); // meanwhile the bridge asks three times for the end offsets
    expect(await metric(bridge, 'log_read_total')).toBe(0);
    expect(await metric(bridge, 'dedupe_ids')).toBe(300);
    expect(await metric(bridge, 'log_lag_seconds')).toBeLessThan(3);
  }, 60_000);

  it('include topics that get more partitions, and topics that are created again', async () => {
    await using bridge = await startReady(environment('grown'));
    const sender = senderTo(bridge);
    await sender.untilAccepted('grown_0');
    await admin((connected) =>
      connected.createPartitions({
        topicPartitions: [{ topic: 'grown.batch.succeeded', count: 7 }],
      }),
    );
    await delay(3000);
    const ids = Array.from({ length: 30 }, (_, i) => `grown_${i}`);
    await Promise.all(ids.map((id) => sender.untilAccepted(id)));
    expect(await counts('grown')).toEqual(new Map(ids.map((id) => [id, 1])));

    await admin((connected) =>
      connected.deleteTopics({ topics: ['grown.batch.succeeded'] }),
    );
    await sender.untilAccepted('grown_again');
    expect((await sender.once('grown_again')).body).toBe('{"status":"duplicate"}');
    expect((await sender.once('grown_1')).body).toBe('{"status":"duplicate"}');
    expect(await counts('grown')).toEqual(new Map([['grown_again', 1]]));
  }, 120_000);

  it('require a topic retention of DEDUPE_TTL_HOURS, or else the bridge does not start', async () => {
    await admin((connected) =>
      connected.createTopics({
        waitForLeaders: true,
        topics: [
          {
            topic: 'brief.batch.failed',
            configEntries: [{ name: 'retention.ms', value: '3600000' }],
          },
        ],
      }),
    );
    const bridge = await startBridge(environment('brief'));
    expect(await bridge.exited).toEqual({ code: 1, signal: null });
    expect(bridge.lines.join('\n')).toMatch(
      /refusing to start.*retention\.ms of brief\.batch\.failed is shorter than DEDUPE_TTL_HOURS=72/,
    );
  }, 60_000);
});

describe('several replicas with the store log', () => {
  it('start at the same time, write each id once, and know the ids that the others wrote', async () => {
    const env = environment('many', { REDIS_URL: redis.url });
    const replicas = await Promise.all(Array.from({ length: 3 }, () => startReady(env)));
    try {
      const senders = replicas.map(senderTo);
      const ids = Array.from({ length: 150 }, (_, i) => `many_${i}`);
      await Promise.all(
        ids.flatMap((id, i) => [
          senders[i % 3]!.untilAccepted(id),
          senders[(i + 1) % 3]!.untilAccepted(id),
        ]),
      );
      const statuses = new Set(
        senders.flatMap(({ attempts }) => attempts.map(({ status }) => status)),
      );
      statuses.delete(503); // the answer while another replica publishes the event
      expect(Array.from(statuses)).toEqual([200]);
      for (const sender of senders) {
        const again = await Promise.all(ids.map((id) => sender.once(id)));
        expect(new Set(again.map(({ body }) => body))).toEqual(
          new Set(['{"status":"duplicate"}']),
        );
      }
      expect(await counts('many')).toEqual(new Map(ids.map((id) => [id, 1])));
    } finally {
      await Promise.all(replicas.map((replica) => replica.stop()));
    }
  }, 120_000);
});
