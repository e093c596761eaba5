import type { Producer, RecordMetadata } from 'kafkajs';
import type { TopicState } from '../../infrastructure/kafka/topics.js';
import { sleep } from '../../infrastructure/timing/sleep.js';
import type { TopicHistory } from '../topic-history.js';
import {
  PublishError,
  type EventRecord,
  type PublishPermit,
  type PublishFault,
  type RecordPosition,
} from '../event-publisher.js';
import { sendSingly } from './batch-splitter.js';
import { BrokerQueue, type Partition, type QueuedRecord } from './broker-queue.js';
import { partitionFor } from './murmur2.js';
import type { PartitionBatch } from './partition-batch.js';
import {
  backoffs,
  BROKER_PAUSE_MS,
  isBrokerFailure,
  nextStep,
  type NextStep,
} from './retry-policy.js';
import { routedMessage } from './routed-message.js';

/** How long the broker may wait for its in-sync replicas, in ms. */
const REPLICATION_TIMEOUT_MS = 2500;
/** Usual size of a record's headers. A batch that turns out too large is split. */
const HEADER_BYTES = 2048;
/** Interval of the search for waiting records whose deadline is over, in ms. */
const SWEEP_MS = 200;

/** Reports of the batcher to the owner of the connection. */
export interface BatcherEvents {
  /** A broker failed: the leaders may have changed. */
  brokerFailed(error: unknown): void;
  /** The batcher gives this producer no new batch any more; `producer` wants another one. */
  producerFailed(producer: Producer, error: unknown): void;
  batchSent(records: number): void;
  /** @param waitedMs from `publish` to the acknowledgement. */
  published(waitedMs: number): void;
  failed(fault: PublishFault, records: number): void;
}

/**
 * Puts concurrent records into shared produce requests, one request in flight per broker, and
 * repeats each partition's batch unchanged until its outcome is known.
 *
 * The failure of a broker or of a partition delays only that one. After a broker's failure its
 * batches wait in the queue of the partitions' current leaders. After a partition's failure its
 * batch is repeated by itself.
 */
export class Batcher {
  /** Sends new batches; undefined while it is being replaced. */
  producer: Producer | undefined;

  private readonly topics = new Map<string, Partition[]>();
  /** By node id of the broker. */
  private readonly queues = new Map<number, BrokerQueue>();
  /** Batches whose outcome is not known yet. */
  private readonly openBatches = new Set<PartitionBatch>();
  private readonly sweep = setInterval(() => {
    for (const queue of this.queues.values()) this.withdrawExpired(queue);
  }, SWEEP_MS);
  private pendingRecords = 0;
  private isClosed = false;

  constructor(
    private readonly maxPending: number,
    private readonly history: TopicHistory,
    private readonly events: BatcherEvents,
  ) {
    this.sweep.unref();
  }

  /** Records that wait for an acknowledgement. */
  get pending(): number {
    return this.pendingRecords;
  }

  /** @see EventPublisher.publish */
  publish(record: EventRecord, permit: PublishPermit): Promise<RecordPosition> {
    const key = Buffer.from(record.key);
    const partition = this.partitionOf(record.topic, key);
    const fault = this.refusalOf(partition, permit);
    if (fault || !partition) {
      this.events.failed(fault ?? 'unavailable', 1);
      return Promise.reject(new PublishError(fault ?? 'unavailable'));
    }
    this.pendingRecords++;
    const queuedAt = performance.now();
    const bytes = record.value.length + HEADER_BYTES;
    const { queue } = partition;
    return new Promise((resolve, reject) => {
      queue.waiting.push({
        record,
        key,
        partition,
        permit,
        bytes,
        queuedAt,
        resolve,
        reject,
      });
      this.scheduleFlush(queue);
    });
  }

  /** Follows the leadership: waiting records and batches move to the queue of the new leader. */
  onTopology(states: readonly TopicState[]): void {
    for (const { name, leaders } of states) {
      const partitions = this.topics.get(name) ?? [];
      leaders.forEach((leader, id) => {
        const queue = this.queueOf(leader);
        const partition = (partitions[id] ??= newPartition(name, id, queue));
        if (partition.queue !== queue) this.movePartition(partition, queue);
      });
      for (const gone of partitions.splice(leaders.length)) this.dropPartition(gone);
      this.topics.set(name, partitions);
    }
    for (const queue of this.queues.values()) this.scheduleFlush(queue);
  }

  /** True while the outcome of one of the producer's batches is not known. */
  inUse(producer: Producer): boolean {
    return Array.from(this.openBatches).some((batch) => batch.producer === producer);
  }

  /** Rejects all records, because the process is about to end. */
  close(): void {
    this.isClosed = true;
    clearInterval(this.sweep);
    for (const queue of this.queues.values()) {
      this.rejectUnsent(queue.waiting, 'closed');
      queue.waiting = [];
    }
    for (const batch of this.openBatches) this.giveUp(batch, 'closed');
  }

  private partitionOf(topic: string, key: Buffer): Partition | undefined {
    const partitions = this.topics.get(topic) ?? [];
    return partitions[partitionFor(key, partitions.length)];
  }

  private refusalOf(
    partition: Partition | undefined,
    { askedAt }: PublishPermit,
  ): PublishFault | undefined {
    if (this.isClosed) return 'closed';
    if (!partition) return 'unavailable';
    if (!this.history.isCurrentSince(partition.topic, partition.id, askedAt))
      return 'log-behind';
    return this.pendingRecords >= this.maxPending ? 'queue-full' : undefined;
  }

  private queueOf(leader: number): BrokerQueue {
    const known = this.queues.get(leader);
    if (known) return known;
    const queue = new BrokerQueue(leader);
    this.queues.set(leader, queue);
    return queue;
  }

  private movePartition(partition: Partition, to: BrokerQueue): void {
    const [waiting, repeats] = partition.queue.removePartition(partition);
    to.waiting = to.waiting.concat(waiting);
    to.repeats = to.repeats.concat(repeats);
    partition.queue = to;
  }

  /** The topic was recreated with fewer partitions, so this one cannot be written any more. */
  private dropPartition(partition: Partition): void {
    partition.gone = true;
    const [waiting, repeats] = partition.queue.removePartition(partition);
    this.rejectUnsent(waiting, 'unavailable');
    for (const batch of repeats) this.giveUp(batch, 'unavailable');
  }

  /** At the end of this turn of the event loop, so that all deliveries of one read share a request. */
  private scheduleFlush(queue: BrokerQueue): void {
    if (queue.isFlushScheduled || queue.inFlight || queue.isEmpty) return;
    queue.isFlushScheduled = true;
    const pauseMs = queue.pausedUntil - performance.now();
    if (pauseMs > 0) setTimeout(() => this.flush(queue), pauseMs);
    else setImmediate(() => this.flush(queue));
  }

  private flush(queue: BrokerQueue): void {
    queue.isFlushScheduled = false;
    const producer = queue.repeats[0]?.producer ?? this.producer;
    if (this.isClosed || queue.inFlight || queue.leader < 0 || !producer) return;
    this.withdrawExpired(queue); // the process may have stood still since the last sweep
    const batches = queue.nextBatches(producer);
    if (batches.length > 0) void this.sendTogether(queue, batches);
  }

  /** Sends the batches of one broker in one request. */
  private async sendTogether(
    queue: BrokerQueue,
    batches: readonly PartitionBatch[],
  ): Promise<void> {
    queue.inFlight = true;
    for (const batch of batches) this.openBatches.add(batch);
    try {
      const unanswered = await this.request(batches, queue.leader);
      for (const batch of batches) {
        if (unanswered.includes(batch)) void this.sendAlone(batch);
        else this.acknowledge(batch);
      }
      queue.pausedUntil = 0;
    } catch (error) {
      if (isBrokerFailure(error)) {
        queue.pausedUntil = performance.now() + BROKER_PAUSE_MS;
        this.requeue(batches, error);
      } else {
        for (const batch of batches) void this.sendAlone(batch);
      }
    } finally {
      queue.inFlight = false;
      this.scheduleFlush(queue);
    }
  }

  /**
   * Repeats one partition's batch until it is written, refused or back in a broker's queue.
   *
   * @returns true once it is known to be written.
   */
  private async sendAlone(batch: PartitionBatch): Promise<boolean> {
    for (const backoffMs of backoffs()) {
      if (this.isClosed) return false;
      if (batch.partition.gone) {
        this.giveUp(batch, 'unavailable');
        return false;
      }
      const { next, error } = await this.attemptAlone(batch);
      if (next.step !== 'repeat') return this.carryOut(batch, next, error);
      await sleep(backoffMs);
    }
    return false;
  }

  private async attemptAlone(
    batch: PartitionBatch,
  ): Promise<{ next: NextStep; error?: unknown }> {
    try {
      const unanswered = await this.request([batch]);
      return { next: { step: unanswered.length === 0 ? 'acknowledge' : 'repeat' } };
    } catch (error) {
      return { next: nextStep(batch, error), error };
    }
  }

  /** @returns true when the batch is known to be written. */
  private async carryOut(
    batch: PartitionBatch,
    next: Exclude<NextStep, { step: 'repeat' }>,
    error: unknown,
  ): Promise<boolean> {
    switch (next.step) {
      case 'acknowledge':
        return this.acknowledge(batch);
      case 'requeue':
        this.requeue([batch], error);
        break;
      case 'split':
        await this.split(batch);
        break;
      case 'withdraw':
        this.withdraw(batch, next.fault, error);
        break;
      case 'give-up':
        this.retireProducer(batch.producer, error);
        this.giveUp(batch, next.fault, error);
        break;
    }
    return false;
  }

  /** The batches go to the queues of their partitions' current leaders. */
  private requeue(batches: readonly PartitionBatch[], error: unknown): void {
    if (this.isClosed) return;
    for (const batch of batches) {
      const { partition } = batch;
      if (partition.gone) this.giveUp(batch, 'unavailable', error);
      else partition.queue.repeats.push(batch);
    }
    for (const { partition } of batches) this.scheduleFlush(partition.queue);
    this.events.brokerFailed(error);
  }

  /**
   * Sends nothing more through a producer after Kafka refused one of its batches. An earlier
   * try of the batch, also one of kafkajs's own, may have been written. The producer's next
   * batch would get the same sequence numbers, and the broker would take it for a repeat and
   * drop it.
   */
  private retireProducer(producer: Producer, error: unknown): void {
    if (this.producer === producer) this.producer = undefined;
    this.events.producerFailed(producer, error);
  }

  private async split(batch: PartitionBatch): Promise<void> {
    this.openBatches.delete(batch);
    await sendSingly(batch, {
      isClosed: () => this.isClosed,
      sendAlone: (single) => {
        this.openBatches.add(single);
        single.partition.busy = true;
        return this.sendAlone(single);
      },
      rejectMaybeWritten: (records, fault) => this.rejectMaybeWritten(records, fault),
    });
  }

  /**
   * Makes one produce request.
   *
   * @param leader the broker that leads all partitions of the batches, as far as is known. A
   *   request goes to this one broker or is not sent. kafkajs reports a request as failed when
   *   one partition failed, and takes back its sequence numbers. If a request went to two
   *   brokers, one of them would write its repeat again.
   * @returns the batches that the answer does not mention. kafkajs 2.2.4 skips a partition
   *   that moves, between two of its own attempts, to a broker that has answered already.
   */
  private async request(
    batches: readonly PartitionBatch[],
    leader?: number,
  ): Promise<PartitionBatch[]> {
    const { producer } = batches[0] as PartitionBatch;
    const answers = await producer.sendBatch({
      acks: -1,
      timeout: REPLICATION_TIMEOUT_MS,
      topicMessages: batches.map((batch) => ({
        topic: batch.partition.topic,
        messages: batch.records.map((record) => routedMessage(record, batch, leader)),
      })),
    });
    this.events.batchSent(batches.reduce((sum, { records }) => sum + records.length, 0));
    return batches.filter((batch) => !this.isAnswered(batch, answers));
  }

  private isAnswered(batch: PartitionBatch, answers: readonly RecordMetadata[]): boolean {
    const { topic, id } = batch.partition;
    const answer = answers.find(
      (a) => a.topicName === topic && a.partition === id && a.errorCode === 0,
    );
    if (!answer) return false;
    const baseOffset = Number(answer.baseOffset ?? -1);
    if (baseOffset >= 0) batch.baseOffset = baseOffset;
    this.history.recordAppended(topic, id, baseOffset, batch.records.length);
    return true;
  }

  /** The batch is written. @returns false when its records were rejected before. */
  private acknowledge(batch: PartitionBatch): boolean {
    if (!this.settle(batch)) return false;
    this.pendingRecords -= batch.records.length;
    const now = performance.now();
    const { baseOffset, records } = batch;
    for (const [index, { resolve, queuedAt, partition }] of records.entries()) {
      const offset = baseOffset === undefined ? undefined : baseOffset + index;
      resolve({ partition: partition.id, offset });
      this.events.published(now - queuedAt);
    }
    return true;
  }

  /** The batch is not repeated any more, but may have been written. */
  private giveUp(batch: PartitionBatch, fault: PublishFault, cause?: unknown): void {
    if (this.settle(batch)) this.rejectMaybeWritten(batch.records, fault, cause);
  }

  /** The batch was never sent and will not be. */
  private withdraw(batch: PartitionBatch, fault: PublishFault, cause: unknown): void {
    if (this.settle(batch)) this.rejectUnsent(batch.records, fault, cause);
  }

  /** Lets the partition's next batch go. @returns false when the batch was settled before. */
  private settle(batch: PartitionBatch): boolean {
    if (!this.openBatches.delete(batch)) return false;
    batch.partition.busy = false;
    this.scheduleFlush(batch.partition.queue);
    return true;
  }

  private withdrawExpired(queue: BrokerQueue): void {
    this.rejectUnsent(queue.removeExpired(performance.now()), 'not-sent');
  }

  private rejectUnsent(
    records: readonly QueuedRecord[],
    fault: PublishFault,
    cause?: unknown,
  ): void {
    this.reject(records, fault, () => new PublishError(fault, undefined, { cause }));
  }

  private rejectMaybeWritten(
    records: readonly QueuedRecord[],
    fault: PublishFault,
    cause?: unknown,
  ): void {
    this.reject(records, fault, ({ partition: { topic, id } }) => {
      return new PublishError(fault, { topic, partition: id }, { cause });
    });
  }

  private reject(
    records: readonly QueuedRecord[],
    fault: PublishFault,
    errorOf: (record: QueuedRecord) => PublishError,
  ): void {
    if (records.length === 0) return;
    this.pendingRecords -= records.length;
    this.events.failed(fault, records.length);
    for (const record of records) record.reject(errorOf(record));
  }
}

function newPartition(topic: string, id: number, queue: BrokerQueue): Partition {
  return { topic, id, queue, busy: false, gone: false };
}
