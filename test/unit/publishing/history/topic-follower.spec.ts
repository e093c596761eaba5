import { EventEmitter, once } from 'node:events';
import { createRequire } from 'node:module';
import { Logger } from '@nestjs/common';
import {
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
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
import { sleep } from '../../../../src/infrastructure/timing/sleep.js';
import { FAKED_CLOCK } from '../../../support/clock.js';

const TOPIC = 'gemini.other';
const NOT_LEADER = 6;

const require = createRequire(import.meta.url);
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (options: object) => Promise<{ buffer: Buffer }>;
};

/** A record batch of deliveries with these ids. */
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

/** The brokers: the records and the leader of each partition. */
class FakeBrokers {
  readonly log = new Map<number, Buffer[]>();
  readonly ends = new Map<number, number>();
  readonly leaders = new Map<number, number>();
  /** Partitions whose records are not yet on all in-sync replicas: a fetch returns none. */
  readonly held = new Set<number>();
  readonly fetched: number[] = [];
  /** A fetch answers after this, with the records from the time of the question. */
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
    await sleep(1);
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
    await Promise.all([this.gate, sleep(20)]);
    return answers;
  }

  private leads(leader: number, partition: number): boolean {
    return (this.leaders.get(partition) ?? 1) === leader;
  }
}

let brokers: FakeBrokers;
let history: TopicFollower;
let found: string[];
let followers: ClusterFollower[];

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  jest.useFakeTimers(FAKED_CLOCK);
  brokers = new FakeBrokers();
  found = [];
  followers = [];
  const cluster = {
    follow: (follower: ClusterFollower) => followers.push(follower),
    refreshSoon: () => undefined,
  } as unknown as KafkaCluster;
  history = new TopicFollower(
    cluster,
    new Metrics(),
    72 * 3_600_000,
    (key) => found.push(key),
    brokers.reader,
  );
});

afterEach(async () => {
  await settle(history.onApplicationShutdown());
  jest.useRealTimers();
});

/** The leader of each partition from now on, as a check of the cluster reports it. */
function setLeaders(...leaders: number[]): void {
  void followers[0]?.onTopology([{ name: TOPIC, leaders }]);
}

const isCurrent = (partition: number) =>
  history.isCurrentSince(TOPIC, partition, performance.now());

/** Lets the fake time pass, and everything happen that it triggers. */
async function pass(ms: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
}

/** Lets the fake time pass until the condition holds, for 20 s at most. */
async function until(condition: () => boolean): Promise<void> {
  for (let passed = 0; !condition(); passed += 10) {
    if (passed > 20_000) throw new Error(`not within 20 s: ${String(condition)}`);
    await pass(10);
  }
}

/** Lets the fake time pass until the promise has resolved. */
async function settle(promise: Promise<unknown>): Promise<void> {
  let isSettled = false;
  void promise.then(() => (isSettled = true));
  await until(() => isSettled);
}

describe('TopicFollower', () => {
  it('is unready and knows no partition until everything is read', async () => {
    await brokers.append(0, 'a', 'b');
    await brokers.append(1, 'c');
    expect(history.unready).toBe('the log has not been read');
    setLeaders(1, 1);
    expect(history.unready).toMatch(/reading the log back/);
    await until(() => history.unready === undefined);
    expect(found.toSorted((a, b) => a.localeCompare(b))).toEqual([
      'static:a',
      'static:b',
      'static:c',
    ]);
    expect([isCurrent(0), isCurrent(1), isCurrent(2)]).toEqual([true, true, false]);
  });

  it('does not fetch own records, and fetches those of other replicas between them', async () => {
    await brokers.append(0, 'a');
    setLeaders(1);
    await until(() => isCurrent(0));
    brokers.fetched.length = 0;
    history.recordAppended(TOPIC, 0, 1, 2);
    await brokers.append(0, 'ours 1', 'ours 2');
    await settle(history.whenCurrent(5000));
    expect(brokers.fetched).toEqual([]);
    await brokers.append(0, 'theirs');
    history.recordAppended(TOPIC, 0, 4, 1);
    await brokers.append(0, 'ours 3');
    await settle(history.whenCurrent(5000));
    expect(found).toContain('static:theirs');
  });

  it('does not know a partition while one of its records cannot be fetched, and knows the others', async () => {
    setLeaders(1, 1);
    await until(() => isCurrent(0) && isCurrent(1));
    brokers.held.add(0);
    await brokers.append(0, 'held');
    await pass(4000);
    const seen = new Set<boolean>();
    for (let i = 0; i < 40; i++) {
      seen.add(isCurrent(1));
      await pass(50);
    }
    expect([isCurrent(0), seen]).toEqual([false, new Set([true])]);
    brokers.held.delete(0);
    await until(() => isCurrent(0));
    expect(found).toEqual(['static:held']);
  });

  it('does not know a partition whose records it cannot decode, and knows the others', async () => {
    setLeaders(1, 1);
    await until(() => isCurrent(0) && isCurrent(1));
    await brokers.append(0, 'strange');
    brokers.log.get(0)?.[0]?.writeInt16BE(3, 21); // lz4
    await pass(4500);
    expect([isCurrent(0), isCurrent(1), history.unready]).toEqual([
      false,
      true,
      undefined,
    ]);
  });

  it('drops an answer of the old leader when the new one has fewer records', async () => {
    await brokers.append(0, 'a', 'b', 'c');
    setLeaders(1);
    await until(() => isCurrent(0));
    const gate = new EventEmitter();
    brokers.gate = once(gate, 'open');
    await brokers.append(0, 'd'); // the old leader's answer with it is delayed
    brokers.fetched.length = 0;
    await until(() => brokers.fetched.length > 0);
    brokers.gate = Promise.resolve();
    brokers.leaders.set(0, 2);
    brokers.log.set(0, []);
    brokers.ends.set(0, 0);
    await brokers.append(0, 'anew');
    setLeaders(2);
    await until(() => found.includes('static:anew'));
    gate.emit('open');
    await pass(100);
    for (const id of ['x', 'y', 'z']) await brokers.append(0, id);
    await settle(history.whenDrained({ topic: TOPIC, partition: 0 }));
    expect(isCurrent(0)).toBe(true);
    expect(found.slice(-4)).toEqual(['anew', 'x', 'y', 'z'].map((id) => `static:${id}`));
  });
});
