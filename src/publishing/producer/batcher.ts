import { setTimeout as delay } from 'node:timers/promises';
import type { Producer, RecordMetadata } from 'kafkajs';
import type { TopicState } from '../../infrastructure/kafka/topics.js';
import type { TopicHistory } from '../topic-history.js';
import {
  PublishError,
  type EventRecord,
  type PublishPermit,
  type PublishFault,
  type RecordPosition,
} from '../event-publisher.js';
import { failureOf } from './kafka-failure.js';
import {
  BrokerQueue,
  type Partition,
  type PartitionBatch,
  type QueuedRecord,
} from './broker-queue.js';
import { partitionFor } from './murmur2.js';
import { routed } from './routed-message.js';

/** How long the broker may wait for its in-sync replicas, in ms. */
const REPLICATION_TIMEOUT_MS = 2500;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 1000;
/** What a record's headers usually come to; a batch that is too large after all is split. */
const HEADER_BYTES = 2048;
/** Withdrawals are looked for this often, in ms. */
const SWEEP_MS = 200;

/** What the batcher tells whoever owns the connection. */
export interface BatcherEvents {
  /** A broker did not do its part: look who leads now. */
  brokerFailed(error: unknown): void;
  /** This producer is given nothing new any more; `producer` wants another. */
  producerFailed(producer: Producer, error: unknown): void;
  batchSent(records: number): void;
  /** @param waitedMs from `publish` to the acknowledgement. */
  published(waitedMs: number): void;
  failed(fault: PublishFault, records: number): void;
}

/**
 * Puts concurrent records into shared produce requests, one request on its way to a broker
 * at a time, and repeats each partition's batch, unchanged, until its outcome is known.
 *
 * What goes wrong with one broker or one partition holds back that one only: after a
 * broker's failure its batches wait in the lane of whoever leads their partitions; after a
 * partition's failure its batch goes on by itself.
 */
export class Batcher {
  /** New records go through this one; none while it is being replaced. */
  producer: Producer | undefined;

  private readonly topics = new Map<string, Partition[]>();
  private readonly lanes = new Map<number, BrokerQueue>();
  private readonly units = new Set<PartitionBatch>();
  private readonly written = new WeakSet<PartitionBatch>();
  private readonly sweep = setInterval(() => {
    for (const queueOf of this.lanes.values()) this.withdrawExpired(queueOf);
  }, SWEEP_MS);
  private waiting = 0;
  private closed = false;

  constructor(
    private readonly maxPending: number,
    private readonly log: TopicHistory,
    private readonly events: BatcherEvents,
  ) {
    this.sweep.unref();
  }

  /** Records that wait for an acknowledgement. */
  get pending(): number {
    return this.waiting;
  }

  /** @see EventPublisher.publish */
  publish(record: EventRecord, permit: PublishPermit): Promise<RecordPosition> {
    const key = Buffer.from(record.key);
    const partition = this.partitionOf(record.topic, key);
    const fault = this.refusal(partition, permit);
    if (fault || !partition) {
      this.events.failed(fault ?? 'unavailable', 1);
      return Promise.reject(new PublishError(fault ?? 'unavailable'));
    }
    this.waiting++;
    const since = performance.now();
    const bytes = record.value.length + HEADER_BYTES;
    const { lane } = partition;
    return new Promise((resolve, reject) => {
      lane.queue.push({ record, key, partition, since, permit, bytes, resolve, reject });
      this.schedule(lane);
    });
  }

  /** Takes in who leads what; whatever waits moves along. */
  onTopology(states: readonly TopicState[]): void {
    for (const { name, leaders } of states) {
      const partitions = this.topics.get(name) ?? [];
      leaders.forEach((leader, id) => {
        const lane = this.lane(leader);
        const partition = (partitions[id] ??= newPartition(name, id, lane));
        if (partition.lane !== lane) this.move(partition, lane);
      });
      for (const partition of partitions.splice(leaders.length)) this.drop(partition);
      this.topics.set(name, partitions);
    }
    for (const lane of this.lanes.values()) this.schedule(lane);
  }

  /** True while a batch of this producer is without outcome. */
  inUse(producer: Producer): boolean {
    return Array.from(this.units).some((unit) => unit.producer === producer);
  }

  /** Gives up what is not yet known: the process is about to end. */
  close(): void {
    this.closed = true;
    clearInterval(this.sweep);
    for (const lane of this.lanes.values()) {
      this.reject(lane.queue, 'closed', false);
      lane.queue = [];
    }
    for (const unit of this.units) this.finish(unit, 'closed');
  }

  private partitionOf(topic: string, key: Buffer): Partition | undefined {
    const partitions = this.topics.get(topic) ?? [];
    return partitions[partitionFor(key, partitions.length)];
  }

  private refusal(
    partition: Partition | undefined,
    { askedAt }: PublishPermit,
  ): PublishFault | undefined {
    if (this.closed) return 'closed';
    if (!partition) return 'unavailable';
    if (!this.log.isCurrentSince(partition.topic, partition.id, askedAt))
      return 'log-behind';
    return this.waiting >= this.maxPending ? 'queue-full' : undefined;
  }

  private lane(leader: number): BrokerQueue {
    const known = this.lanes.get(leader);
    if (known) return known;
    const lane = new BrokerQueue(leader);
    this.lanes.set(leader, lane);
    return lane;
  }

  private move(partition: Partition, to: BrokerQueue): void {
    const [queue, repeats] = partition.lane.takeOf(partition);
    to.queue = to.queue.concat(queue);
    to.repeats = to.repeats.concat(repeats);
    partition.lane = to;
  }

  /** The topic was made anew with fewer partitions: nothing can be written to this one. */
  private drop(partition: Partition): void {
    partition.gone = true;
    const [queue, repeats] = partition.lane.takeOf(partition);
    this.reject(queue, 'unavailable', false);
    for (const unit of repeats) this.finish(unit, 'unavailable');
  }

  /** At the end of the turn, so that all deliveries of one read share a request. */
  private schedule(lane: BrokerQueue): void {
    if (lane.scheduled || lane.inFlight || lane.idle) return;
    lane.scheduled = true;
    const wait = lane.notBefore - performance.now();
    if (wait > 0) setTimeout(() => this.flush(lane), wait);
    else setImmediate(() => this.flush(lane));
  }

  private flush(lane: BrokerQueue): void {
    lane.scheduled = false;
    const producer = lane.repeats[0]?.producer ?? this.producer;
    if (this.closed || lane.inFlight || lane.leader < 0 || !producer) return;
    this.withdrawExpired(lane); // a process that stood still must not send what it had
    const batch = lane.takeBatch(producer);
    if (batch.length > 0) void this.attempt(lane, batch);
  }

  private async attempt(lane: BrokerQueue, batch: PartitionBatch[]): Promise<void> {
    lane.inFlight = true;
    for (const unit of batch) this.units.add(unit);
    try {
      const unanswered = await this.send(batch, lane.leader);
      for (const unit of batch) if (!unanswered.includes(unit)) this.finish(unit);
      for (const unit of unanswered) void this.settleAlone(unit);
      lane.notBefore = 0;
    } catch (error) {
      this.retry(lane, batch, error);
    } finally {
      lane.inFlight = false;
      this.schedule(lane);
    }
  }

  private retry(lane: BrokerQueue, batch: PartitionBatch[], error: unknown): void {
    if (failureOf(error) !== 'broker') {
      for (const unit of batch) void this.settleAlone(unit);
      return;
    }
    lane.notBefore = performance.now() + MAX_BACKOFF_MS / 2;
    this.requeue(batch, error);
  }

  private requeue(batch: PartitionBatch[], error: unknown): void {
    if (this.closed) return;
    for (const unit of batch) {
      if (unit.partition.gone) this.finish(unit, 'unavailable', error);
      else unit.partition.lane.repeats.push(unit);
    }
    for (const unit of batch) this.schedule(unit.partition.lane);
    this.events.brokerFailed(error);
  }

  /** Repeats one partition's batch until it is known to be written or refused. */
  private async settleAlone(unit: PartitionBatch): Promise<void> {
    for (let backoff = FIRST_BACKOFF_MS; !this.closed;) {
      if (unit.partition.gone) return this.finish(unit, 'unavailable');
      try {
        const unanswered = await this.send([unit]);
        if (unanswered.length === 0) return this.finish(unit);
      } catch (error) {
        switch (failureOf(error)) {
          case 'appended':
            return this.finish(unit);
          case 'refused':
            return this.giveUp(unit, 'refused', error);
          case 'too-large':
            return this.split(unit, error);
          case 'broker':
            return this.requeue([unit], error);
          case 'fatal':
            return this.giveUp(unit, 'producer-fatal', error);
          case 'lapsed':
            return this.lapse(unit, error);
          case 'partition':
            break;
        }
      }
      await delay(backoff);
      backoff = Math.min(backoff * 2, MAX_BACKOFF_MS);
    }
  }

  /**
   * Ends an attempt that Kafka refused. An earlier try of it, one of kafkajs's own even, may
   * have been written all the same; the next batch through this producer would have its
   * sequence numbers, be taken for its repeat, and be lost. So nothing goes through it again.
   */
  private giveUp(unit: PartitionBatch, fault: PublishFault, error: unknown): void {
    if (this.producer === unit.producer) this.producer = undefined;
    this.events.producerFailed(unit.producer, error);
    this.finish(unit, fault, error);
  }

  /** The claim is not ours any more. Where no broker was given the record it is certainly not there. */
  private lapse(unit: PartitionBatch, error: unknown): void {
    if (unit.maybeSent) return this.giveUp(unit, 'claim-lapsed', error);
    this.finish(unit, 'claim-lapsed', error, false);
  }

  /** Too large together, so one by one; too large by itself is refused. */
  private async split(unit: PartitionBatch, error: unknown): Promise<void> {
    if (unit.records.length === 1) return this.giveUp(unit, 'refused', error);
    this.units.delete(unit);
    for (const [i, single] of unit.split().entries()) {
      if (this.closed) return this.reject(unit.records.slice(i), 'closed', true);
      this.units.add(single);
      unit.partition.busy = true;
      await this.settleAlone(single);
      if (!this.written.has(single)) {
        // Refused, or without outcome still: nothing more goes after it through this producer
        return this.reject(unit.records.slice(i + 1), 'unavailable', true); // with the first try, perhaps
      }
    }
  }

  /**
   * One produce request.
   *
   * @param leader where all of the batch is believed to be led. kafkajs reports a request as
   *   failed when any partition failed, and forgets its sequence numbers; a batch that went
   *   to two brokers would be written twice by one of them. So it goes to one, or not at all.
   * @returns the units that the answer does not mention. (kafkajs 2.2.4 skips a partition
   *   that moves, between two of its own attempts, to a broker that has answered already.)
   */
  private async send(
    batch: readonly PartitionBatch[],
    leader?: number,
  ): Promise<PartitionBatch[]> {
    const producer = (batch[0] as PartitionBatch).producer;
    const answers = await producer.sendBatch({
      acks: -1,
      timeout: REPLICATION_TIMEOUT_MS,
      topicMessages: batch.map((unit) => ({
        topic: unit.partition.topic,
        messages: unit.records.map((pending) => routed(pending, unit, leader)),
      })),
    });
    this.events.batchSent(batch.reduce((sum, { records }) => sum + records.length, 0));
    return batch.filter((unit) => !this.isAnswered(unit, answers));
  }

  private isAnswered(unit: PartitionBatch, answers: readonly RecordMetadata[]): boolean {
    const { topic, id } = unit.partition;
    const answer = answers.find(
      (a) => a.topicName === topic && a.partition === id && a.errorCode === 0,
    );
    if (!answer) return false;
    const baseOffset = Number(answer.baseOffset ?? -1);
    if (baseOffset >= 0) unit.baseOffset = baseOffset;
    this.log.recordAppended(topic, id, baseOffset, unit.records.length);
    return true;
  }

  private finish(
    unit: PartitionBatch,
    fault?: PublishFault,
    cause?: unknown,
    attempted = true,
  ): void {
    if (!this.units.delete(unit)) return;
    unit.partition.busy = false;
    if (fault) {
      this.reject(unit.records, fault, attempted, cause);
    } else {
      this.written.add(unit);
      this.waiting -= unit.records.length;
      const now = performance.now();
      const { baseOffset } = unit;
      for (const [i, { resolve, since, partition }] of unit.records.entries()) {
        const offset = baseOffset === undefined ? undefined : baseOffset + i;
        resolve({ partition: partition.id, offset });
        this.events.published(now - since);
      }
    }
    this.schedule(unit.partition.lane);
  }

  /** @param attempted whether a request with the records may have reached the broker. */
  private reject(
    records: readonly QueuedRecord[],
    fault: PublishFault,
    attempted: boolean,
    cause?: unknown,
  ): void {
    if (records.length === 0) return;
    this.waiting -= records.length;
    this.events.failed(fault, records.length);
    for (const { reject, partition } of records) {
      const at = { topic: partition.topic, partition: partition.id };
      reject(new PublishError(fault, attempted ? at : undefined, { cause }));
    }
  }

  private withdrawExpired(lane: BrokerQueue): void {
    this.reject(lane.takeExpired(performance.now()), 'not-sent', false);
  }
}

function newPartition(topic: string, id: number, lane: BrokerQueue): Partition {
  return { topic, id, lane, busy: false, gone: false };
}
