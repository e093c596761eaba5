import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import type {
  ClusterFollower,
  KafkaCluster,
} from '../../infrastructure/kafka/kafka-cluster.js';
import type { TopicState } from '../../infrastructure/kafka/topics.js';
import type { Metrics } from '../../infrastructure/metrics/metrics.js';
import type { FetchAnswer } from '../../infrastructure/kafka/kafkajs/protocol/fetch.js';
import type { OffsetAnswer } from '../../infrastructure/kafka/kafkajs/protocol/list-offsets.js';
import { TopicReader } from '../../infrastructure/kafka/kafkajs/topic-reader.js';
import type { PartitionId } from '../../infrastructure/kafka/partition-id.js';
import { MAX_LAG_MS, TopicHistory } from '../topic-history.js';
import { scanBatches, type Found } from './record-scan.js';
import { PartitionProgress } from './partition-progress.js';

/** Between two questions for the end of the log, in ms. */
const POLL_MS = 1000;
/** The same when somebody is waiting for the answer, or there is more to read. */
const MIN_PAUSE_MS = 50;
/** One round of reading ends after this time, so that all its partitions are asked for their ends again. */
const ROUND_MS = 1000;
/** Our own records are known when they are acknowledged, which takes about this long. */
const OWN_ACK_MS = 30;
/** @see PartitionProgress */
const SETTLE_MS = 1000;
/** Records may bear the time of a clock that was wrong by this much. */
const CLOCK_MARGIN_MS = 3_600_000;
const PROGRESS_MS = 2000;

const NONE = 0;
const OFFSET_OUT_OF_RANGE = 1;

/** A partition in a round, and how far it has to be read in it. */
interface Open {
  readonly partition: PartitionProgress;
  readonly end: number;
}

/**
 * Knows what stands on the bridge's topics: reads them back from the window's start, then
 * follows them. It asks each broker for the ends of the partitions that it leads, and fetches
 * only what this process did not write itself. A broker that hangs holds up its own
 * partitions and no others.
 *
 * Whoever publishes has to say so (`onFound` is not told of our own records).
 */
export class TopicFollower
  extends TopicHistory
  implements ClusterFollower, OnApplicationShutdown
{
  /** Told of every delivery that is found in the log. */
  onFound: Found = () => undefined;

  private readonly logger = new Logger(TopicFollower.name);
  private readonly topics = new Map<string, PartitionProgress[]>();
  /** By node id of the broker that is being followed. */
  private readonly leaders = new Map<number, Promise<void>>();
  private readonly rounds = new EventEmitter().setMaxListeners(0);
  private readonly unreadable = new Set<PartitionProgress>();
  private wake = new AbortController();
  private closing = false;
  private wasReady = false;
  private recordsRead = 0;
  private reportedAt = 0;

  /** @param windowMs how far back the log is read. */
  constructor(
    private readonly cluster: KafkaCluster,
    private readonly metrics: Metrics,
    private readonly windowMs: number,
    private readonly reader = new TopicReader(cluster.client),
  ) {
    super();
    cluster.follow(this);
    metrics.observe(
      'log_lag_seconds',
      'Since the least known of the partitions was known to its end, of those that ever were; -1 for none',
      () => this.lagSeconds,
    );
    metrics.observe(
      'log_unknown_partitions',
      'Partitions that are not written to, because what stands there is not known',
      () => this.unknown().length,
    );
  }

  /**
   * Undefined once everything was read; from then on a broker that cannot be read holds back
   * its partitions, and only when none can be read this replica is of no use.
   */
  override get unready(): string | undefined {
    const all = this.partitions();
    if (all.length === 0) return 'the log has not been read';
    const unknown = this.unknown();
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

  /** Resolves when the log was known as of now, or when the time is over. */
  async whenCurrent(limitMs: number): Promise<void> {
    const since = performance.now();
    const signal = AbortSignal.timeout(limitMs);
    this.askAtOnce();
    try {
      while (!this.partitions().every((partition) => partition.lagMs(since) <= 0)) {
        await once(this.rounds, 'end', { signal });
      }
    } catch {
      // the time is over
    }
  }

  /** Resolves once all is known that was on its way to the partition when this was called. */
  async whenDrained({ topic, partition }: PartitionId): Promise<void> {
    await this.topics.get(topic)?.[partition]?.whenDrained();
  }

  onTopology(states: readonly TopicState[]): void {
    for (const { name, leaders } of states) this.leadTopic(name, leaders);
    for (const { leader } of this.partitions()) this.follow(leader);
  }

  async onApplicationShutdown(): Promise<void> {
    this.closing = true;
    this.wake.abort();
    const ends = Promise.allSettled([...this.leaders.values(), this.reader.disconnect()]);
    await Promise.race([ends, delay(2000, undefined, { ref: false })]);
  }

  private leadTopic(name: string, leaders: readonly number[]): void {
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

  /** One loop a broker, for as long as it leads something. */
  private follow(leader: number): void {
    if (leader < 0 || this.leaders.has(leader) || this.closing) return;
    const loop = this.followLeader(leader).finally(() => this.leaders.delete(leader));
    this.leaders.set(leader, loop);
  }

  private async followLeader(leader: number): Promise<void> {
    for (;;) {
      const led = this.partitions().filter((partition) => partition.leader === leader);
      if (led.length === 0 || this.closing) return;
      const { signal } = this.wake;
      let isDone = true;
      try {
        isDone = await this.round(leader, led);
      } catch (error) {
        this.logger.debug({ message: 'log not read', leader, error });
        this.cluster.refreshSoon();
      }
      this.report();
      await delay(MIN_PAUSE_MS);
      if (isDone) await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /**
   * Asks for the ends, then reads until all before them is known, or the round is over.
   *
   * @returns false when there is more to read.
   */
  private async round(
    leader: number,
    led: readonly PartitionProgress[],
  ): Promise<boolean> {
    await this.findStarts(leader, led);
    const askedAt = performance.now();
    const positions = led.map(({ position }) => position);
    const answers = await this.reader.logEndOffsets(leader, led);
    let open = led.flatMap((partition, i) => {
      const end = this.endOf(partition, leader, positions[i], answers[i]);
      return end === undefined ? [] : [{ partition, end }];
    });
    if (this.wasReady && !open.every(isRead)) await delay(OWN_ACK_MS);
    for (;;) {
      for (const { partition } of open.filter(isRead)) {
        // Meanwhile it may have another leader, and be written to there
        if (partition.leader === leader) partition.known(askedAt, performance.now());
      }
      this.rounds.emit('end');
      open = open.filter((one) => !isRead(one));
      if (open.length === 0 || this.closing) return true;
      if (performance.now() - askedAt > ROUND_MS) return false;
      open = await this.readPartitions(leader, open);
      this.report();
    }
  }

  /** Where the window begins, of those partitions that were not read yet. */
  private async findStarts(
    leader: number,
    led: readonly PartitionProgress[],
  ): Promise<void> {
    const fresh = led.filter(({ position }) => position === undefined);
    if (fresh.length === 0) return;
    const from = Date.now() - this.windowMs - CLOCK_MARGIN_MS;
    const ends = await this.reader.highWatermarks(leader, fresh); // first, so that no record in between is missed
    const starts = await this.reader.offsetsSince(leader, fresh, from);
    for (const [i, partition] of fresh.entries()) {
      const start = starts[i];
      const end = ends[i];
      if (start?.errorCode !== NONE || end?.errorCode !== NONE) continue;
      if (partition.leader !== leader || partition.position !== undefined) continue;
      partition.startAt(start.offset < 0 ? end.offset : start.offset);
    }
  }

  /**
   * Where the partition ends; undefined when the broker does not know, or does not lead it.
   *
   * @param asked the position when the question was asked: what we write ourselves moves it on.
   */
  private endOf(
    partition: PartitionProgress,
    leader: number,
    asked: number | undefined,
    answer: OffsetAnswer | undefined,
  ): number | undefined {
    if (partition.leader !== leader) return undefined;
    if (answer?.errorCode !== NONE || asked === undefined) {
      this.cluster.refreshSoon();
      return undefined;
    }
    partition.end = answer.offset;
    if (answer.offset >= asked) return answer.offset;
    partition.forget(); // a topic made anew
    return undefined;
  }

  /** @returns the partitions of which more may be read. */
  private async readPartitions(leader: number, open: readonly Open[]): Promise<Open[]> {
    const asked = open.map(({ partition: { topic, partition, position = 0 } }) => ({
      topic,
      partition,
      offset: position,
    }));
    const answers = await this.reader.fetch(leader, asked);
    return open.filter(({ partition }, i) => {
      const from = asked[i]?.offset ?? 0;
      if (partition.leader !== leader) return false;
      return this.takeRecords(partition, from, answers[i]);
    });
  }

  /** @param from the offset that was asked for. */
  private takeRecords(
    partition: PartitionProgress,
    from: number,
    answer: FetchAnswer | undefined,
  ): boolean {
    if (partition.position === undefined || partition.position < from) return false;
    if (answer?.errorCode === OFFSET_OUT_OF_RANGE) {
      partition.forget(); // deleted meanwhile: look for the start again
      return false;
    }
    if (answer?.errorCode !== NONE) {
      this.cluster.refreshSoon();
      return false;
    }
    return this.scan(partition, from, answer.bytes);
  }

  /** What cannot be understood keeps its own partition from being known, and no other. */
  private scan(partition: PartitionProgress, from: number, bytes: Buffer): boolean {
    try {
      const next = scanBatches(bytes, from, (key, timestampMs) => {
        this.recordsRead++;
        this.metrics.logRead.inc();
        this.onFound(key, timestampMs);
      });
      // What we wrote ourselves may have moved it on meanwhile
      partition.position = Math.max(partition.position ?? 0, next);
      this.unreadable.delete(partition);
      return true;
    } catch (error) {
      if (!this.unreadable.has(partition)) {
        this.unreadable.add(partition);
        const { topic, partition: id } = partition;
        this.logger.error({ message: 'log not understood', topic, partition: id, error });
      }
      return false;
    }
  }

  private report(): void {
    const isReady = this.unready === undefined;
    const now = performance.now();
    if (isReady && !this.wasReady) {
      this.wasReady = true;
      this.logger.log({ message: 'log read back', records: this.recordsRead });
    } else if (!this.wasReady && now - this.reportedAt > PROGRESS_MS) {
      if (this.reportedAt > 0)
        this.logger.log({ message: 'reading the log back', progress: this.progress() });
      this.reportedAt = now;
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

  private unknown(): PartitionProgress[] {
    const now = performance.now();
    return this.partitions().filter((partition) => !partition.isTrusted(now));
  }

  private askAtOnce(): void {
    this.wake.abort();
    this.wake = new AbortController();
  }
}

function isRead({ partition: { position = -1 }, end }: Open): boolean {
  return position >= end;
}
