import { EventEmitter, once } from 'node:events';
import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import type {
  ClusterFollower,
  KafkaCluster,
} from '../../infrastructure/kafka/kafka-cluster.js';
import type { TopicState } from '../../infrastructure/kafka/topics.js';
import type { Metrics } from '../../infrastructure/metrics/metrics.js';
import {
  TopicReader,
  type FetchAnswer,
  type OffsetAnswer,
} from '../../infrastructure/kafka/kafkajs/topic-reader.js';
import type { PartitionId } from '../../infrastructure/kafka/partition-id.js';
import { settledWithin } from '../../infrastructure/timing/settled-within.js';
import { sleep } from '../../infrastructure/timing/sleep.js';
import { observeHistory } from '../publishing.metrics.js';
import { MAX_LAG_MS, TopicHistory } from '../topic-history.js';
import { scanBatches, type Found } from './record-scan.js';
import { PartitionProgress } from './partition-progress.js';

/** Pause between two rounds of a broker, in ms. */
const POLL_MS = 1000;
/** The same when `whenCurrent` waits, or when there is more to read. */
const MIN_PAUSE_MS = 50;
/** A round ends after this time, so that the ends of all its partitions are asked for again. */
const ROUND_MS = 1000;
/** Usual time until this process learns that its own records were appended, in ms. */
const OWN_ACK_MS = 30;
/** @see PartitionProgress */
const SETTLE_MS = 1000;
/** The timestamps of records may be wrong by this much, because clocks are. */
const CLOCK_MARGIN_MS = 3_600_000;
/** Interval of the log lines about the progress at the start, in ms. */
const PROGRESS_MS = 2000;
const SHUTDOWN_MS = 2000;

const NO_ERROR = 0;
const OFFSET_OUT_OF_RANGE = 1;

/** A partition, and the offset up to which this round reads it. */
interface ReadTarget {
  readonly partition: PartitionProgress;
  readonly end: number;
}

/**
 * Knows the records in the bridge's topics. It reads them from the start of the window, then
 * follows the topics: it asks each broker for the ends of the partitions that it leads and
 * fetches the records that this process did not write itself. Each broker has a loop of its
 * own, so a broker that hangs delays its own partitions only.
 *
 * The publisher reports its own records by `recordAppended`; `found` is not called for them.
 */
export class TopicFollower
  extends TopicHistory
  implements ClusterFollower, OnApplicationShutdown
{
  private readonly logger = new Logger(TopicFollower.name);
  private readonly topics = new Map<string, PartitionProgress[]>();
  /** The loop of each broker, by node id. */
  private readonly loops = new Map<number, Promise<void>>();
  private readonly rounds = new EventEmitter().setMaxListeners(0);
  private readonly unreadable = new Set<PartitionProgress>();
  private wake = new AbortController();
  private isClosing = false;
  private wasReady = false;
  private recordsRead = 0;
  private progressLoggedAt = 0;

  /**
   * @param windowMs age of the oldest records that are read, in ms.
   * @param found is called for the dedupe keys of each record that is read.
   */
  constructor(
    private readonly cluster: KafkaCluster,
    private readonly metrics: Metrics,
    private readonly windowMs: number,
    private readonly found: Found,
    private readonly reader = new TopicReader(cluster.client),
  ) {
    super();
    cluster.follow(this);
    observeHistory(
      metrics,
      () => this.lagSeconds,
      () => this.unknownPartitions().length,
    );
  }

  /**
   * Undefined once all partitions are read. From then on a broker that cannot be read holds back
   * its own partitions, and the replica is unready only while no partition can be read.
   */
  override get unready(): string | undefined {
    const all = this.partitions();
    if (all.length === 0) return 'the log has not been read';
    const unknown = this.unknownPartitions();
    if (unknown.length === 0 || (this.wasReady && unknown.length < all.length)) {
      return undefined;
    }
    return this.wasReady
      ? 'the log cannot be read'
      : `reading the log back: ${this.progress()}`;
  }

  override isCurrentSince(topic: string, partition: number, askedAt: number): boolean {
    const known = this.topics.get(topic)?.[partition];
    return known?.isCurrentSince(askedAt, performance.now()) ?? false;
  }

  override recordAppended(
    topic: string,
    partition: number,
    baseOffset: number,
    records: number,
  ): void {
    this.topics.get(topic)?.[partition]?.recordAppended(baseOffset, records);
  }

  override async whenCurrent(limitMs: number): Promise<void> {
    const since = performance.now();
    const signal = AbortSignal.timeout(limitMs);
    this.startRounds();
    try {
      while (!this.partitions().every((partition) => partition.lagMs(since) <= 0)) {
        await once(this.rounds, 'end', { signal });
      }
    } catch {
      // the limit is reached
    }
  }

  override async whenDrained({ topic, partition }: PartitionId): Promise<void> {
    await this.topics.get(topic)?.[partition]?.whenDrained();
  }

  onTopology(states: readonly TopicState[]): void {
    for (const { name, leaders } of states) this.setLeaders(name, leaders);
    for (const { leader } of this.partitions()) this.startLoop(leader);
  }

  async onApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    this.wake.abort();
    const loops = [...this.loops.values(), this.reader.disconnect()];
    await settledWithin(Promise.allSettled(loops), SHUTDOWN_MS);
  }

  private setLeaders(name: string, leaders: readonly number[]): void {
    const known = this.topics.get(name) ?? [];
    leaders.forEach((leader, id) => {
      const partition = (known[id] ??= new PartitionProgress(
        name,
        id,
        MAX_LAG_MS,
        SETTLE_MS,
      ));
      partition.leader = leader;
    });
    for (const gone of known.splice(leaders.length)) gone.drop();
    this.topics.set(name, known);
  }

  private startLoop(leader: number): void {
    if (leader < 0 || this.loops.has(leader) || this.isClosing) return;
    const loop = this.followLeader(leader).finally(() => this.loops.delete(leader));
    this.loops.set(leader, loop);
  }

  /** Reads the broker's partitions in rounds, for as long as it leads any. */
  private async followLeader(leader: number): Promise<void> {
    for (;;) {
      const led = this.partitions().filter((partition) => partition.leader === leader);
      if (led.length === 0 || this.isClosing) return;
      const { signal } = this.wake;
      let isDone = true;
      try {
        isDone = await this.runRound(leader, led);
      } catch (error) {
        this.logger.debug({ message: 'log not read', leader, error });
        this.cluster.refreshSoon();
      }
      this.logProgress();
      await sleep(MIN_PAUSE_MS);
      if (isDone) await sleep(POLL_MS, signal);
    }
  }

  /**
   * Asks for the ends of the partitions, then reads until all records before them are known or
   * the time of the round is over.
   *
   * @returns false when there is more to read.
   */
  private async runRound(
    leader: number,
    led: readonly PartitionProgress[],
  ): Promise<boolean> {
    await this.findStarts(leader, led);
    const askedAt = performance.now();
    const positions = led.map(({ position }) => position);
    const answers = await this.reader.logEndOffsets(leader, led);
    let targets = led.flatMap((partition, i) => {
      const end = this.endOf(partition, leader, positions[i], answers[i]);
      return end === undefined ? [] : [{ partition, end }];
    });
    if (this.wasReady && !targets.every(isRead)) await sleep(OWN_ACK_MS);
    for (;;) {
      for (const { partition } of targets.filter(isRead)) {
        // Another broker may lead the partition by now, and may have appended records to it
        if (partition.leader === leader) partition.recordRead(askedAt, performance.now());
      }
      this.rounds.emit('end');
      targets = targets.filter((target) => !isRead(target));
      if (targets.length === 0 || this.isClosing) return true;
      if (performance.now() - askedAt > ROUND_MS) return false;
      targets = await this.readPartitions(leader, targets);
      this.logProgress();
    }
  }

  /** Finds the start of the window in partitions that have no position. */
  private async findStarts(
    leader: number,
    led: readonly PartitionProgress[],
  ): Promise<void> {
    const fresh = led.filter(({ position }) => position === undefined);
    if (fresh.length === 0) return;
    const from = Date.now() - this.windowMs - CLOCK_MARGIN_MS;
    // The ends first: a record that is appended between the two questions is then not skipped
    const ends = await this.reader.highWatermarks(leader, fresh);
    const starts = await this.reader.offsetsSince(leader, fresh, from);
    for (const [i, partition] of fresh.entries()) {
      const start = starts[i];
      const end = ends[i];
      if (start?.errorCode !== NO_ERROR || end?.errorCode !== NO_ERROR) continue;
      if (partition.leader !== leader || partition.position !== undefined) continue;
      partition.beginAt(start.offset < 0 ? end.offset : start.offset);
    }
  }

  /**
   * The offset up to which this round reads the partition; undefined when the broker does not
   * know it or does not lead the partition.
   *
   * @param asked the position at the time of the question. Own records move it on meanwhile.
   */
  private endOf(
    partition: PartitionProgress,
    leader: number,
    asked: number | undefined,
    answer: OffsetAnswer | undefined,
  ): number | undefined {
    if (partition.leader !== leader) return undefined;
    if (answer?.errorCode !== NO_ERROR || asked === undefined) {
      this.cluster.refreshSoon();
      return undefined;
    }
    partition.end = answer.offset;
    if (answer.offset >= asked) return answer.offset;
    partition.forgetPosition(); // the topic was deleted and created again
    return undefined;
  }

  /** @returns the targets of which more may be read. */
  private async readPartitions(
    leader: number,
    targets: readonly ReadTarget[],
  ): Promise<ReadTarget[]> {
    const asked = targets.map(({ partition: { topic, partition, position = 0 } }) => ({
      topic,
      partition,
      offset: position,
    }));
    const answers = await this.reader.fetch(leader, asked);
    return targets.filter(({ partition }, i) => {
      const from = asked[i]?.offset ?? 0;
      if (partition.leader !== leader) return false;
      return this.takeRecords(partition, from, answers[i]);
    });
  }

  /**
   * @param from the offset that was asked for.
   * @returns true when more of the partition may be read.
   */
  private takeRecords(
    partition: PartitionProgress,
    from: number,
    answer: FetchAnswer | undefined,
  ): boolean {
    if (partition.position === undefined || partition.position < from) return false;
    if (answer?.errorCode === OFFSET_OUT_OF_RANGE) {
      partition.forgetPosition(); // Kafka has deleted the records at the position
      return false;
    }
    if (answer?.errorCode !== NO_ERROR) {
      this.cluster.refreshSoon();
      return false;
    }
    return this.scanRecords(partition, from, answer.bytes);
  }

  /** Records that cannot be decoded keep their own partition from being known, and no other. */
  private scanRecords(
    partition: PartitionProgress,
    from: number,
    bytes: Buffer,
  ): boolean {
    try {
      const next = scanBatches(bytes, from, (key, timestampMs) => {
        this.recordsRead++;
        this.metrics.logRead.inc();
        this.found(key, timestampMs);
      });
      // Own records may have moved the position on meanwhile
      partition.position = Math.max(partition.position ?? 0, next);
      this.unreadable.delete(partition);
      return true;
    } catch (error) {
      this.logUnreadable(partition, error);
      return false;
    }
  }

  /** Once for each time that a partition becomes unreadable. */
  private logUnreadable(partition: PartitionProgress, error: unknown): void {
    if (this.unreadable.has(partition)) return;
    this.unreadable.add(partition);
    const { topic, partition: id } = partition;
    this.logger.error({ message: 'log not understood', topic, partition: id, error });
  }

  private logProgress(): void {
    const isReady = this.unready === undefined;
    const now = performance.now();
    if (isReady && !this.wasReady) {
      this.wasReady = true;
      this.logger.log({ message: 'log read back', records: this.recordsRead });
    } else if (!this.wasReady && now - this.progressLoggedAt > PROGRESS_MS) {
      if (this.progressLoggedAt > 0)
        this.logger.log({ message: 'reading the log back', progress: this.progress() });
      this.progressLoggedAt = now;
    }
  }

  private progress(): string {
    let read = 0;
    let all = 0;
    for (const { start, end, position = 0 } of this.partitions()) {
      read += Math.min(position, end) - start;
      all += Math.max(end - start, 0);
    }
    const percent = all === 0 ? 0 : Math.floor((100 * read) / all);
    return `${this.recordsRead} records, ${Math.max(0, percent)} %`;
  }

  private get lagSeconds(): number {
    const now = performance.now();
    const lags = this.partitions()
      .map((partition) => partition.lagMs(now))
      .filter(Number.isFinite);
    return lags.length > 0 ? Math.max(0, ...lags) / 1000 : -1;
  }

  private partitions(): PartitionProgress[] {
    return Array.from(this.topics.values()).flat();
  }

  private unknownPartitions(): PartitionProgress[] {
    const now = performance.now();
    return this.partitions().filter((partition) => !partition.isTrusted(now));
  }

  /** Ends the pause of all loops. */
  private startRounds(): void {
    this.wake.abort();
    this.wake = new AbortController();
  }
}

function isRead({ partition: { position = -1 }, end }: ReadTarget): boolean {
  return position >= end;
}
