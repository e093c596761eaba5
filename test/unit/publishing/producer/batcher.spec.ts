import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  KafkaJSConnectionError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
  type PartitionerArgs,
  type Producer,
} from 'kafkajs';
import { Batcher } from '../../../../src/publishing/producer/batcher.js';
import { ClaimExpired } from '../../../../src/publishing/producer/claim-check.js';
import { routedPartitioner } from '../../../../src/publishing/producer/routed-message.js';
import {
  PublishError,
  type EventRecord,
  type PublishPermit,
} from '../../../../src/publishing/event-publisher.js';
import { TopicHistory } from '../../../../src/publishing/topic-history.js';
import { partitionFor } from '../../../../src/publishing/producer/murmur2.js';
import { FAKED_CLOCK } from '../../../support/clock.js';
import { FakeProducer, type FakeRequest } from '../../../support/fake.producer.js';
import { SEED, SeededRandom } from '../../../support/seeded-random.js';

const TOPIC = 'gemini.other';
const PARTITIONS = 4;
const MAX_PENDING = 100;
/** The pause of a broker's queue after the broker failed. */
const BROKER_PAUSE_MS = 500;
const FIRST_BACKOFF_MS = 100;
const SWEEP_MS = 200;
const FAR = Number.MAX_SAFE_INTEGER;

/** Is current unless the test says otherwise. Keeps what was appended. */
class FakeHistory extends TopicHistory {
  override readonly unready = undefined;
  behind = false;
  readonly appended: string[] = [];

  override isCurrentSince(): boolean {
    return !this.behind;
  }

  override whenCurrent = () => Promise.resolve();
  override whenDrained = () => Promise.resolve();

  override recordAppended(
    topic: string,
    partition: number,
    base: number,
    records: number,
  ): void {
    this.appended.push(`${topic} ${partition} ${base} ${records}`);
  }
}

let producer: FakeProducer;
let history: FakeHistory;
let batcher: Batcher;
let told: {
  brokerFailed: number;
  producerFailed: Producer[];
  records: number[];
  published: number;
  failed: Record<string, number>;
};

beforeEach(() => {
  jest.useFakeTimers(FAKED_CLOCK);
  producer = new FakeProducer();
  history = new FakeHistory();
  told = { brokerFailed: 0, producerFailed: [], records: [], published: 0, failed: {} };
  startBatcher(MAX_PENDING);
});

afterEach(() => {
  batcher.close();
  jest.useRealTimers();
});

function startBatcher(maxPending: number): void {
  batcher = new Batcher(maxPending, history, {
    brokerFailed: () => told.brokerFailed++,
    producerFailed: (failed) => told.producerFailed.push(failed),
    batchSent: (records) => told.records.push(records),
    published: () => told.published++,
    failed: (fault, records) => {
      told.failed[fault] = (told.failed[fault] ?? 0) + records;
    },
  });
  batcher.producer = producer.asProducer;
  lead(1, 1, 1, 1);
}

function lead(...leaders: number[]): void {
  batcher.onTopology([{ name: TOPIC, leaders }]);
}

const KEYS = Array.from({ length: PARTITIONS }, (_, partition) => {
  for (let i = 0; ; i++) {
    if (partitionFor(Buffer.from(`key-${i}`), PARTITIONS) === partition)
      return `key-${i}`;
  }
});

const recordOf = (partition: number, value: string | Buffer): EventRecord => ({
  topic: TOPIC,
  key: KEYS[partition]!,
  value: Buffer.from(value as string),
  headers: { 'webhook-id': 'msg_1' },
});

const permitUntil = (deadline: number, heldUntil = Infinity): PublishPermit => ({
  deadline,
  askedAt: 0,
  heldUntil,
});

/** Publishes a record. `settled` of the result stays undefined while the outcome is open. */
function publish(
  partition: number,
  value: string | Buffer,
  deadline = FAR,
  permit = permitUntil(deadline),
) {
  const seen: { settled?: string; cause?: unknown; at?: number } = {};
  batcher.publish(recordOf(partition, value), permit).then(
    () => (seen.settled = 'published'),
    ({ fault, cause, attemptedAt }: PublishError) =>
      Object.assign(seen, { settled: fault, cause, at: attemptedAt?.partition }),
  );
  return seen;
}

/** Waits until everything is done that does not wait for a timer. */
async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise(setImmediate);
}

const protocolError = (type: string) =>
  new KafkaJSProtocolError({ type, code: 1, retriable: false, message: type } as never);
const brokerError = () => new KafkaJSConnectionError('connection lost');

describe('Batcher', () => {
  it('puts the records of one turn of the event loop into one request, by partition', async () => {
    const seen = [publish(0, 'a'), publish(1, 'b'), publish(0, 'c')];
    const request = await producer.request(0);
    expect(request.text).toEqual([`${TOPIC}/0: a,c`, `${TOPIC}/1: b`]);
    expect(request.batch).toMatchObject({ acks: -1, timeout: 2500 });
    expect(request.messages[0]).toMatchObject({
      key: Buffer.from(KEYS[0]!),
      value: Buffer.from('a'),
      headers: { 'webhook-id': 'msg_1' },
      partition: 0,
      leader: 1,
      permit: permitUntil(FAR),
    });
    await turns();
    expect(seen.map(({ settled }) => settled)).toEqual([undefined, undefined, undefined]);
    expect(batcher.pending).toBe(3);
    request.answer();
    await turns();
    expect(seen.map(({ settled }) => settled)).toEqual(Array(3).fill('published'));
    expect(batcher.pending).toBe(0);
    expect(told).toMatchObject({ records: [3], published: 3, failed: {} });
  });

  it('has one request in flight per broker; records that arrive meanwhile form the next one', async () => {
    publish(0, 'a');
    await producer.request(0);
    for (const value of ['b', 'c', 'd']) {
      publish(1, value);
      await turns();
    }
    expect(producer.requests).toHaveLength(1);
    producer.requests[0]?.answer();
    expect((await producer.request(1)).text).toEqual([`${TOPIC}/1: b,c,d`]);
  });

  it('says where each record is, as far as the broker says it', async () => {
    const publications = [
      [0, 'a'],
      [0, 'b'],
      [1, 'c'],
    ].map(([partition, value]) =>
      batcher.publish(recordOf(Number(partition), String(value)), permitUntil(FAR)),
    );
    (await producer.request(0)).answer(() => true, 41);
    expect(await Promise.all(publications)).toEqual([
      { partition: 0, offset: 41 },
      { partition: 0, offset: 42 },
      { partition: 1, offset: 41 },
    ]);
    const unknown = batcher.publish(recordOf(0, 'd'), permitUntil(FAR));
    (await producer.request(1)).answer(() => true, -1);
    expect(await unknown).toEqual({ partition: 0, offset: undefined });
  });

  it('goes on with one broker while another does not answer', async () => {
    lead(1, 2, 1, 2);
    const slow = publish(0, 'a');
    const quick = [publish(1, 'b')];
    await turns();
    expect(producer.requests.map(({ leader }) => leader)).toEqual([1, 2]);
    producer.requests[1]?.answer();
    quick.push(publish(3, 'c'));
    (await producer.request(2)).answer();
    await turns();
    expect(quick.map(({ settled }) => settled)).toEqual(['published', 'published']);
    expect(slow.settled).toBeUndefined();
  });

  it('keeps the order of a partition', async () => {
    publish(0, 'a');
    const values: string[] = [];
    for (let i = 0; i < 6; i++) {
      const request = await producer.request(i);
      values.push(...request.messages.map(({ value }) => String(value)));
      if (i < 5) for (const suffix of [1, 2]) publish(0, `${i}.${suffix}`);
      request.answer();
    }
    expect(values).toEqual(
      ['a'].concat(Array.from({ length: 5 }, (_, i) => [`${i}.1`, `${i}.2`]).flat()),
    );
  });

  it('refuses an unknown topic', async () => {
    const record = { ...recordOf(0, 'a'), topic: 'gemini.unknown' };
    const publication = batcher.publish(record, permitUntil(FAR));
    await expect(publication).rejects.toMatchObject({ fault: 'unavailable' });
  });

  it('refuses records beyond its bound until there is room again', async () => {
    for (let i = 0; i < MAX_PENDING; i++) publish(0, 'a');
    const refused = publish(0, 'b');
    await turns();
    expect(refused.settled).toBe('queue-full');
    expect(told.failed).toEqual({ 'queue-full': 1 });
    producer.requests[0]?.answer();
    await turns();
    const taken = publish(0, 'c');
    for (let i = 1; batcher.pending > 0; i++) {
      (await producer.request(i)).answer();
      await turns();
    }
    expect(taken.settled).toBe('published');
  });
});

describe('a record that cannot be sent yet', () => {
  it('waits for a producer', async () => {
    batcher.producer = undefined;
    publish(0, 'a');
    await turns();
    batcher.producer = producer.asProducer;
    lead(1, 1, 1, 1);
    expect((await producer.request(0)).text).toEqual([`${TOPIC}/0: a`]);
  });

  it('waits for a leader while other partitions go on', async () => {
    lead(-1, 1, 1, 1);
    publish(0, 'a');
    publish(1, 'b');
    expect((await producer.request(0)).text).toEqual([`${TOPIC}/1: b`]);
    producer.requests[0]?.answer();
    await turns();
    expect(producer.requests).toHaveLength(1);
    lead(2, 1, 1, 1);
    const request = await producer.request(1);
    expect([request.leader, ...request.text]).toEqual([2, `${TOPIC}/0: a`]);
  });

  it('is withdrawn at its deadline', async () => {
    lead(-1, -1, -1, -1);
    const seen = [publish(0, 'a', performance.now() + 50), publish(0, 'b')];
    jest.advanceTimersByTime(SWEEP_MS);
    await turns();
    expect(seen.map(({ settled }) => settled)).toEqual(['not-sent', undefined]);
    expect(told.failed).toEqual({ 'not-sent': 1 });
    expect(batcher.pending).toBe(1);
    lead(1, 1, 1, 1);
    expect((await producer.request(0)).text).toEqual([`${TOPIC}/0: b`]);
  });
});

describe('a record whose partition the topic history does not know', () => {
  it('is refused until the history is current', async () => {
    history.behind = true;
    const refused = publish(0, 'a');
    await turns();
    expect(refused).toMatchObject({ settled: 'log-behind', at: undefined });
    history.behind = false;
    const taken = publish(0, 'b');
    (await producer.request(0)).answer();
    await turns();
    expect(taken.settled).toBe('published');
  });

  it('is reported to the history when this process wrote it', async () => {
    publish(0, 'a');
    publish(0, 'b');
    publish(1, 'c');
    (await producer.request(0)).answer(() => true, 40);
    await turns();
    expect(history.appended).toEqual([`${TOPIC} 0 40 2`, `${TOPIC} 1 40 1`]);
  });
});

describe('after the process stood still', () => {
  it('a queued record whose deadline is over is not sent', async () => {
    lead(-1, 1, 1, 1);
    const queued = publish(0, 'a', performance.now() + 100);
    lead(1, 1, 1, 1); // schedules a flush, which comes before the sweep
    jest.advanceTimersByTime(100);
    await turns();
    expect(queued.settled).toBe('not-sent');
    expect(producer.requests).toEqual([]);
  });

  it('a record whose claim expired before it was sent is certainly not written', async () => {
    const seen = publish(0, 'a');
    (await producer.request(0)).fail(new ClaimExpired('expired'));
    (await producer.request(1)).fail(new ClaimExpired('expired'));
    await turns();
    expect(seen).toMatchObject({ settled: 'claim-lapsed', at: undefined });
    expect(told.producerFailed).toEqual([]);
    const next = publish(0, 'b');
    (await producer.request(2)).answer();
    await turns();
    expect(next.settled).toBe('published');
  });

  it('a record whose claim expired after it was sent is not repeated, and the producer is retired', async () => {
    const seen = [publish(0, 'a'), publish(1, 'b')];
    (await producer.request(0)).handOn();
    (await producer.request(0)).fail(new ClaimExpired('expired'));
    (await producer.request(1)).fail(new ClaimExpired('expired'));
    (await producer.request(2)).answer();
    await turns();
    expect(seen).toMatchObject([
      { settled: 'claim-lapsed', at: 0 },
      { settled: 'published' },
    ]);
    expect(told.producerFailed).toEqual([producer.asProducer]);
  });
});

describe('a record that was sent to the broker', () => {
  it('is not withdrawn at its deadline, because it may be written', async () => {
    const attempted = publish(0, 'a', performance.now() + 50);
    const request = await producer.request(0);
    const behind = publish(0, 'b', performance.now() + 50);
    jest.advanceTimersByTime(SWEEP_MS * 10);
    await turns();
    expect([attempted.settled, behind.settled]).toEqual([undefined, 'not-sent']);
    request.fail(brokerError());
    await turns();
    jest.advanceTimersByTime(BROKER_PAUSE_MS);
    const repeat = await producer.request(1);
    expect(repeat.text).toEqual([`${TOPIC}/0: a`]);
    repeat.answer();
    await turns();
    expect(attempted.settled).toBe('published');
  });
});

describe('after the failure of a broker', () => {
  it('the same batch is repeated before newer records of its partitions', async () => {
    publish(0, 'a');
    publish(1, 'b');
    const first = await producer.request(0);
    publish(0, 'c');
    publish(2, 'd');
    first.fail(new KafkaJSNumberOfRetriesExceeded(brokerError(), {} as never));
    await turns();
    expect(producer.requests).toHaveLength(1);
    expect(told.brokerFailed).toBe(1);
    jest.advanceTimersByTime(BROKER_PAUSE_MS);
    const repeat = await producer.request(1);
    expect(repeat.batch).toEqual(first.batch);
    repeat.answer();
    expect((await producer.request(2)).text).toEqual([`${TOPIC}/0: c`, `${TOPIC}/2: d`]);
  });

  it('each partition’s batch goes to the current leader, without newer records', async () => {
    publish(0, 'a');
    publish(1, 'b');
    (await producer.request(0)).fail(protocolError('NOT_LEADER_FOR_PARTITION'));
    await turns();
    lead(2, 1, 1, 1);
    publish(0, 'c');
    const moved = await producer.request(1);
    expect([moved.leader, ...moved.text]).toEqual([2, `${TOPIC}/0: a`]);
    jest.advanceTimersByTime(BROKER_PAUSE_MS);
    const stayed = await producer.request(2);
    expect([stayed.leader, ...stayed.text]).toEqual([1, `${TOPIC}/1: b`]);
    moved.answer();
    expect((await producer.request(3)).text).toEqual([`${TOPIC}/0: c`]);
  });

  it('waiting records move to the new leader, and other partitions are not delayed', async () => {
    lead(1, 2, 1, 2);
    publish(0, 'a');
    await producer.request(0);
    publish(2, 'b');
    lead(1, 2, 2, 2);
    const request = await producer.request(1);
    expect([request.leader, ...request.text]).toEqual([2, `${TOPIC}/2: b`]);
  });
});

describe('after the failure of a partition', () => {
  it('its batch is repeated by itself, and other partitions are not delayed', async () => {
    const weak = publish(0, 'a');
    const fine = publish(1, 'b');
    (await producer.request(0)).fail(protocolError('NOT_ENOUGH_REPLICAS'));
    await turns();
    const alone = producer.requests.slice(1);
    expect(alone.map(({ text }) => text)).toEqual([[`${TOPIC}/0: a`], [`${TOPIC}/1: b`]]);
    expect(alone.map(({ leader }) => leader)).toEqual([undefined, undefined]);
    alone[1]?.answer();
    alone[0]?.fail(protocolError('NOT_ENOUGH_REPLICAS_AFTER_APPEND'));
    const next = [publish(1, 'c'), publish(0, 'd')];
    const third = await producer.request(3);
    expect(third.text).toEqual([`${TOPIC}/1: c`]); // partition 0 is still busy
    third.answer();
    await turns();
    expect(producer.requests).toHaveLength(4);
    jest.advanceTimersByTime(FIRST_BACKOFF_MS);
    const again = await producer.request(4);
    expect(again.text).toEqual([`${TOPIC}/0: a`]);
    await turns();
    expect([weak.settled, fine.settled]).toEqual([undefined, 'published']);
    again.answer();
    (await producer.request(5)).answer();
    await turns();
    expect([weak, ...next].map(({ settled }) => settled)).toEqual(
      Array(3).fill('published'),
    );
  });

  it('a failure of the broker takes the batch back to the broker’s queue', async () => {
    const seen = publish(0, 'a');
    (await producer.request(0)).fail(protocolError('REQUEST_TIMED_OUT'));
    (await producer.request(1)).fail(brokerError());
    const repeat = await producer.request(2);
    expect([repeat.leader, ...repeat.text]).toEqual([1, `${TOPIC}/0: a`]);
    repeat.answer();
    await turns();
    expect(seen.settled).toBe('published');
  });
});

describe('an answer of Kafka', () => {
  it('that does not mention a partition leaves its batch open, and it is sent again', async () => {
    const seen = [publish(0, 'a'), publish(1, 'b')];
    (await producer.request(0)).answer((partition) => partition === 0);
    const again = await producer.request(1);
    expect(again.text).toEqual([`${TOPIC}/1: b`]);
    expect(seen.map(({ settled }) => settled)).toEqual(['published', undefined]);
    again.answer();
    await turns();
    expect(seen[1]?.settled).toBe('published');
  });

  it('that a sequence number is a duplicate counts as a success', async () => {
    const seen = publish(0, 'a');
    const duplicate = protocolError('DUPLICATE_SEQUENCE_NUMBER');
    (await producer.request(0)).fail(duplicate);
    (await producer.request(1)).fail(duplicate);
    await turns();
    expect(seen.settled).toBe('published');
  });

  it('that the topic may not be written is final and retires the producer', async () => {
    const seen = publish(0, 'a');
    const refusal = protocolError('TOPIC_AUTHORIZATION_FAILED');
    (await producer.request(0)).fail(refusal);
    (await producer.request(1)).fail(refusal);
    await turns();
    expect(seen).toEqual({ settled: 'refused', cause: refusal, at: 0 });
    expect(told.producerFailed).toEqual([producer]);
    // An earlier try may have been written: its sequence numbers must not be used again
    const next = publish(0, 'b');
    await turns();
    expect(producer.requests).toHaveLength(2);
    const second = new FakeProducer();
    batcher.producer = second.asProducer;
    lead(1, 1, 1, 1);
    (await second.request(0)).answer();
    await turns();
    expect(next.settled).toBe('published');
  });

  it('that a batch is too large splits it into single records', async () => {
    const tooLarge = protocolError('MESSAGE_TOO_LARGE');
    const seen = ['a', 'b', 'c'].map((value) => publish(0, value));
    (await producer.request(0)).fail(tooLarge);
    (await producer.request(1)).fail(tooLarge);
    const behind = publish(0, 'd');
    for (const [i, value] of ['a', 'b', 'c', 'd'].entries()) {
      const request = await producer.request(2 + i);
      expect(request.text).toEqual([`${TOPIC}/0: ${value}`]);
      await turns();
      expect(producer.open).toBe(1);
      request.answer();
    }
    await turns();
    const settled = [...seen, behind].map((one) => one.settled);
    expect(settled).toEqual(['published', 'published', 'published', 'published']);
    expect(batcher.pending).toBe(0);
  });

  it('that a single record is too large is final, and the records after it are rejected', async () => {
    const tooLarge = protocolError('MESSAGE_TOO_LARGE');
    const seen = ['a', 'b', 'c'].map((value) => publish(0, value));
    (await producer.request(0)).fail(tooLarge);
    (await producer.request(1)).fail(tooLarge);
    (await producer.request(2)).answer();
    (await producer.request(3)).fail(tooLarge);
    await turns();
    expect(seen.map(({ settled }) => settled)).toEqual([
      'published',
      'refused',
      'unavailable',
    ]);
    expect(told.producerFailed).toEqual([producer]);
    expect(producer.requests).toHaveLength(4);
    expect(batcher.pending).toBe(0);
  });

  it('that the topic has fewer partitions rejects the records of the missing ones', async () => {
    const moved = new Error('moved');
    moved.name = 'KafkaJSConnectionError';
    const attempted = publish(3, 'a');
    (await producer.request(0)).fail(moved);
    await turns();
    const queued = publish(3, 'b');
    lead(1, 1);
    await turns();
    expect([attempted.settled, queued.settled]).toEqual(['unavailable', 'unavailable']);
    expect(batcher.pending).toBe(0);
    const next = publish(3, 'c');
    jest.advanceTimersByTime(BROKER_PAUSE_MS);
    const request = await producer.request(1);
    expect(request.text[0]).toMatch(/[01]: c$/);
    request.answer();
    await turns();
    expect(next.settled).toBe('published');
  });

  it('without an outcome for one single record of a split rejects the records after it', async () => {
    const tooLarge = protocolError('MESSAGE_TOO_LARGE');
    const seen = ['a', 'b', 'c'].map((value) => publish(0, value));
    (await producer.request(0)).fail(tooLarge);
    (await producer.request(1)).fail(tooLarge);
    (await producer.request(2)).answer();
    (await producer.request(3)).fail(brokerError());
    await turns();
    expect(seen.map(({ settled }) => settled)).toEqual([
      'published',
      undefined,
      'unavailable',
    ]);
    const repeat = await producer.request(4);
    expect(repeat.text).toEqual([`${TOPIC}/0: b`]);
    repeat.answer();
    await turns();
    expect(seen[1]?.settled).toBe('published');
    expect(batcher.pending).toBe(0);
  });

  it('with an unknown error is fatal: the record is rejected and the producer retired', async () => {
    const seen = publish(0, 'a');
    const fatal = protocolError('OUT_OF_ORDER_SEQUENCE_NUMBER');
    (await producer.request(0)).fail(fatal);
    (await producer.request(1)).fail(fatal);
    await turns();
    expect(seen).toEqual({ settled: 'producer-fatal', cause: fatal, at: 0 });
    expect(told.producerFailed).toEqual([producer]);
  });
});

describe('when the producer is replaced', () => {
  it('its own batches are repeated through it, and new batches go through the next one', async () => {
    publish(0, 'a');
    const first = await producer.request(0);
    const successor = new FakeProducer();
    batcher.producer = successor.asProducer;
    publish(1, 'b');
    first.fail(brokerError());
    await turns();
    expect(batcher.inUse(producer.asProducer)).toBe(true);
    jest.advanceTimersByTime(BROKER_PAUSE_MS);
    const repeat = await producer.request(1);
    expect(repeat.text).toEqual([`${TOPIC}/0: a`]);
    repeat.answer();
    expect((await successor.request(0)).text).toEqual([`${TOPIC}/1: b`]);
    await turns();
    expect(batcher.inUse(producer.asProducer)).toBe(false);
    expect(batcher.inUse(successor.asProducer)).toBe(true);
  });
});

describe('close()', () => {
  it('rejects waiting records and records in flight, and refuses new ones', async () => {
    const seen = [publish(0, 'a')];
    const request = await producer.request(0);
    seen.push(publish(0, 'b'), publish(1, 'c'));
    batcher.close();
    seen.push(publish(2, 'd'));
    await turns();
    expect(seen.map(({ settled }) => settled)).toEqual(Array(4).fill('closed'));
    expect(told.failed).toEqual({ closed: 4 });
    expect(batcher.pending).toBe(0);
    request.answer();
    await turns();
    expect(producer.requests).toHaveLength(1);
  });

  it('rejects records that are being repeated', async () => {
    const seen = [publish(0, 'a'), publish(1, 'b')];
    (await producer.request(0)).fail(protocolError('REQUEST_TIMED_OUT'));
    (await producer.request(1)).fail(brokerError());
    await producer.request(3);
    batcher.close();
    producer.requests[2]?.fail(protocolError('REQUEST_TIMED_OUT'));
    producer.requests[3]?.fail(brokerError());
    await turns();
    jest.advanceTimersByTime(BROKER_PAUSE_MS * 4);
    await turns();
    expect(seen.map(({ settled }) => settled)).toEqual(['closed', 'closed']);
    expect(producer.requests).toHaveLength(4);
  });
});

describe('with random failures and leaders', () => {
  /** A broker that recognises a repeat, as for an idempotent producer: it has the same records. */
  class FakeTopic {
    readonly values: string[][] = Array.from({ length: PARTITIONS }, () => []);
    private readonly last: string[] = [];

    append(request: FakeRequest, isWritten: () => boolean): void {
      for (const { partition, values } of request.units) {
        const batch = values.join();
        if (!isWritten() || this.last[partition] === batch) continue;
        this.last[partition] = batch;
        this.values[partition]?.push(...values);
      }
    }
  }

  const FAULTS = ['NOT_LEADER_FOR_PARTITION', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'];
  const ROUNDS = 150;

  it(`writes each record once and in order (repeat with TEST_SEED=${SEED})`, async () => {
    const random = new SeededRandom(SEED);
    startBatcher(1000);
    const broker = new FakeTopic();
    const given: string[][] = broker.values.map(() => []);
    const published: ReturnType<typeof publish>[] = [];
    let answered = 0;
    const answerAll = (faults: boolean): void => {
      for (; answered < producer.requests.length; answered++) {
        const request = producer.requests[answered]!;
        const fails = faults && random.oneIn(4);
        broker.append(request, () => !fails || random.oneIn(2));
        if (fails) request.fail(protocolError(random.pick(FAULTS)));
        else request.answer();
      }
    };
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = random.int(0, 4); i > 0; i--) {
        const partition = random.int(0, PARTITIONS);
        given[partition]?.push(`${round}.${i}`);
        published.push(publish(partition, `${round}.${i}`));
      }
      if (random.oneIn(5)) lead(...given.map(() => random.int(1, 4)));
      jest.advanceTimersByTime(random.int(0, 50));
      await new Promise(setImmediate);
      answerAll(true);
    }
    for (let i = 0; published.some(({ settled }) => settled === undefined); i++) {
      if (i === 10_000) throw new Error('records without an outcome');
      jest.advanceTimersByTime(50);
      await new Promise(setImmediate);
      answerAll(false);
    }
    expect(new Set(published.map(({ settled }) => settled))).toEqual(
      new Set(['published']),
    );
    expect(broker.values).toEqual(given);
  });
});

const args = (message: object, leaders: number[]): PartitionerArgs =>
  ({
    topic: TOPIC,
    message: { permit: permitUntil(FAR), ...message },
    partitionMetadata: leaders.map((leader, partitionId) => ({ partitionId, leader })),
  }) as unknown as PartitionerArgs;

describe('routedPartitioner', () => {
  it('returns the partition that was chosen', () => {
    const choose = routedPartitioner();
    expect(choose(args({ partition: 1, leader: 2 }, [1, 2]))).toBe(1);
    expect(choose(args({ partition: 1 }, [1, 2]))).toBe(1);
  });

  it('refuses a record whose claim ends within 5 s', () => {
    const choose = routedPartitioner();
    const now = performance.now();
    const held = (ms: number) =>
      args({ partition: 1, permit: permitUntil(FAR, now + ms) }, [1, 2]);
    expect(choose(held(5000))).toBe(1);
    expect(() => choose(held(4999))).toThrow(ClaimExpired);
  });

  it('makes kafkajs reload its metadata when it sees another leader', () => {
    const choose = routedPartitioner();
    for (const leaders of [[1, 1], [1]]) {
      expect(() => choose(args({ partition: 1, leader: 2 }, leaders))).toThrow(
        expect.objectContaining({ name: 'KafkaJSMetadataNotLoaded' }),
      );
    }
  });
});
