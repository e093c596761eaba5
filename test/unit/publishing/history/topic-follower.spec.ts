import { EventEmitter, once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type {
  ClusterFollower,
  KafkaCluster,
} from '../../../../src/infrastructure/kafka/kafka-cluster.js';
import type {
  FetchAnswer,
  FetchPosition,
} from '../../../../src/infrastructure/kafka/kafkajs/protocol/fetch.js';
import type { OffsetAnswer } from '../../../../src/infrastructure/kafka/kafkajs/protocol/list-offsets.js';
import type { TopicReader } from '../../../../src/infrastructure/kafka/kafkajs/topic-reader.js';
import { TopicFollower } from '../../../../src/publishing/history/topic-follower.js';
import type { PartitionId } from '../../../../src/infrastructure/kafka/partition-id.js';
import { Metrics } from '../../../../src/infrastructure/metrics/metrics.js';
import { encodeRecord } from '../../../../src/infrastructure/kafka/kafkajs/record-encoder.js';

const TOPIC = 'gemini.other';
const NOT_LEADER = 6;

const require = createRequire(import.meta.url);
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (options: object) => Promise<{ buffer: Buffer }>;
};

/** One batch of deliveries with these ids. */
async function batchOf(baseOffset: number, ids: readonly string[]): Promise<Buffer> {
  const records = ids.map((id, offsetDelta) =>
    encodeRecord({
      offsetDelta,
      timestampDelta: 0,
      key: 'k',
      value: 'v',
      headers: { 'webhook-id': id, 'bridge-scope': 'static' },
    }),
  );
  const { buffer } = await RecordBatch({ lastOffsetDelta: ids.length - 1, records });
  buffer.writeBigInt64BE(BigInt(baseOffset), 0);
  return buffer;
}

/** The brokers: what each partition holds, who leads it, and what may not be read yet. */
class FakeBrokers {
  readonly log = new Map<number, Buffer[]>();
  readonly ends = new Map<number, number>();
  readonly leaders = new Map<number, number>();
  /** Appended, but not on all in-sync replicas: a fetch does not get it. */
  readonly held = new Set<number>();
  readonly fetched: number[] = [];
  /** What a fetch waits for, after it was asked. */
  gate: Promise<unknown> = Promise.resolve();

  async append(partition: number, ...ids: string[]): Promise<void> {
    const end = this.ends.get(partition) ?? 0;
    const batches = this.log.get(partition) ?? [];
    batches.push(await batchOf(end, ids));
    this.log.set(partition, batches);
    this.ends.set(partition, end + ids.length);
  }

  readonly reader = {
    logEndOffsets: (leader: number, asked: readonly PartitionId[]) =>
      this.offsets(leader, asked),
    highWatermarks: (leader: number, asked: readonly PartitionId[]) =>
      this.offsets(leader, asked),
    offsetsSince: (leader: number, asked: readonly PartitionId[]) =>
      this.offsets(leader, asked, 0),
    fetch: (leader: number, asked: readonly FetchPosition[]) => this.fetch(leader, asked),
    disconnect: () => Promise.resolve(),
  } as unknown as TopicReader;

  private async offsets(
    leader: number,
    asked: readonly PartitionId[],
    offset?: number,
  ): Promise<OffsetAnswer[]> {
    await delay(1);
    return asked.map(({ topic, partition }) => ({
      topic,
      partition,
      errorCode: this.leads(leader, partition) ? 0 : NOT_LEADER,
      offset: offset ?? this.ends.get(partition) ?? 0,
    }));
  }

  private async fetch(
    leader: number,
    asked: readonly FetchPosition[],
  ): Promise<FetchAnswer[]> {
    const answers = asked.map(({ topic, partition, offset }) => {
      this.fetched.push(partition);
      const batches = this.log.get(partition) ?? [];
      const from = batches.filter((batch) => Number(batch.readBigInt64BE(0)) >= offset);
      const bytes = this.held.has(partition) ? Buffer.alloc(0) : Buffer.concat(from);
      const errorCode = this.leads(leader, partition) ? 0 : NOT_LEADER;
      return { topic, partition, errorCode, bytes };
    });
    await Promise.all([this.gate, delay(20)]);
    return answers;
  }

  private leads(leader: number, partition: number): boolean {
    return (this.leaders.get(partition) ?? 1) === leader;
  }
}

let brokers: FakeBrokers;
let tail: TopicFollower;
let found: string[];
let followers: ClusterFollower[];

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  brokers = new FakeBrokers();
  found = [];
  followers = [];
  const cluster = {
    follow: (follower: ClusterFollower) => followers.push(follower),
    refreshSoon: () => undefined,
  } as unknown as KafkaCluster;
  tail = new TopicFollower(cluster, new Metrics(), 72 * 3_600_000, brokers.reader);
  tail.onFound = (key) => found.push(key);
});

afterEach(() => tail.onApplicationShutdown());

/** Who leads each partition from now on, as a look at the cluster tells it. */
function lead(...leaders: number[]): void {
  void followers[0]?.onTopology([{ name: TOPIC, leaders }]);
}

const vouches = (partition: number) =>
  tail.isCurrentSince(TOPIC, partition, performance.now());

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5);
}

describe('TopicFollower', () => {
  it('reads everything before it vouches for anything, and is unready until then', async () => {
    await brokers.append(0, 'a', 'b');
    await brokers.append(1, 'c');
    expect(tail.unready).toBe('the log has not been read');
    lead(1, 1);
    expect(tail.unready).toMatch(/reading the log back/);
    await until(() => tail.unready === undefined);
    expect(found.toSorted((a, b) => a.localeCompare(b))).toEqual([
      'static:a',
      'static:b',
      'static:c',
    ]);
    expect([vouches(0), vouches(1), vouches(2)]).toEqual([true, true, false]);
  }, 20_000);

  it('asks for what we wrote no more, and for what others wrote between it', async () => {
    await brokers.append(0, 'a');
    lead(1);
    await until(() => vouches(0));
    brokers.fetched.length = 0;
    tail.recordAppended(TOPIC, 0, 1, 2);
    await brokers.append(0, 'ours 1', 'ours 2');
    await tail.whenCurrent(5000);
    expect(brokers.fetched).toEqual([]);
    await brokers.append(0, 'theirs');
    tail.recordAppended(TOPIC, 0, 4, 1);
    await brokers.append(0, 'ours 3');
    await tail.whenCurrent(5000);
    expect(found).toContain('static:theirs');
  }, 20_000);

  it('does not know a partition of which a record cannot be read yet, and does its neighbours', async () => {
    lead(1, 1);
    await until(() => vouches(0) && vouches(1));
    brokers.held.add(0);
    await brokers.append(0, 'held');
    await delay(4000);
    const seen: boolean[] = [];
    for (let i = 0; i < 40; i++) {
      seen.push(vouches(1));
      await delay(50);
    }
    expect([vouches(0), new Set(seen)]).toEqual([false, new Set([true])]);
    brokers.held.delete(0);
    await until(() => vouches(0));
    expect(found).toEqual(['static:held']);
  }, 20_000);

  it('keeps back a partition whose records it does not understand, and no other', async () => {
    lead(1, 1);
    await until(() => vouches(0) && vouches(1));
    await brokers.append(0, 'strange');
    brokers.log.get(0)?.[0]?.writeInt16BE(3, 21); // lz4
    await delay(4500);
    expect([vouches(0), vouches(1), tail.unready]).toEqual([false, true, undefined]);
  }, 20_000);

  it('drops an answer that comes after another leader was found to have less', async () => {
    await brokers.append(0, 'a', 'b', 'c');
    lead(1);
    await until(() => vouches(0));
    const gate = new EventEmitter();
    brokers.gate = once(gate, 'open');
    await brokers.append(0, 'd'); // in flight from the old leader when the topic is made anew
    brokers.fetched.length = 0;
    await until(() => brokers.fetched.length > 0);
    brokers.leaders.set(0, 2);
    brokers.log.set(0, []);
    brokers.ends.set(0, 0);
    await brokers.append(0, 'anew');
    lead(2);
    await delay(1500);
    gate.emit('open');
    await until(() => found.includes('static:anew'));
    await tail.whenDrained({ topic: TOPIC, partition: 0 });
    expect(vouches(0)).toBe(true);
  }, 20_000);
});
