import { EventEmitter } from 'node:events';
import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Admin, Kafka } from 'kafkajs';
import type { DedupeConfig, KafkaConfig, TopicsConfig } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import { topicNames } from '../../events/event-topics.js';
import { Metrics } from '../metrics/metrics.js';
import { settledWithin } from '../timing/settled-within.js';
import { sleep } from '../timing/sleep.js';
import { kafkaClient } from './kafka-client.js';
import { RetentionError, Topics, type TopicState } from './topics.js';

/** A broker that leaves a request unanswered for this long is taken for hung, in ms. */
const SILENCE_MS = 4000;
/** One failed check may be the fault of one broker; the next check asks another. */
const FAILURES_UNTIL_UNREADY = 2;
/** Checks in a row that must agree that a topic has fewer partitions. */
const CHECKS_UNTIL_FEWER = 3;
/** Interval of the check of the topics' configuration, in ms. Metadata alone do not show a change. */
const ENSURE_MS = 300_000;
/** Intervals of the checks while Kafka is available and while it is not, in ms. */
const HEALTHY_INTERVAL_MS = 4000;
const FAILING_INTERVAL_MS = 500;
/** `refreshSoon` does not shorten an interval below this, in ms: no busy loop. */
const MIN_INTERVAL_MS = 200;

/** Follows the leaders of the topics' partitions. */
export interface ClusterFollower {
  /**
   * Called after each check, also when nothing has changed.
   *
   * @throws the reason why the cluster cannot be used. It is unready until a later check.
   */
  onTopology(states: readonly TopicState[]): void | Promise<void>;
}

/**
 * Checks Kafka in a loop: whether the topics exist and are as durable as configured, and which
 * brokers lead their partitions.
 */
@Injectable()
export class KafkaCluster implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly client: Kafka;

  private readonly logger = new Logger(KafkaCluster.name);
  private readonly admin: Admin;
  private readonly topics: Topics;
  private readonly followers: ClusterFollower[] = [];
  /** Number of partitions by topic, and how many checks in a row have said fewer. */
  private readonly sizes = new Map<
    string,
    { readonly partitions: number; readonly contradictions: number }
  >();
  private readonly refusals = new EventEmitter<{ refusal: [RetentionError] }>();
  private problem: string | undefined = 'not connected yet';
  private wasReady = false;
  private wasReported = false;
  /** When the topics' configuration was last found right, on the clock of `performance.now()`. */
  private ensuredAt = -Infinity;
  private isClosing = false;
  private wake = new AbortController();
  private loop: Promise<void> = Promise.resolve();

  constructor(
    @InjectConfig('kafka') kafkaConfig: KafkaConfig,
    @InjectConfig('topics') topicsConfig: TopicsConfig,
    @InjectConfig('dedupe') dedupeConfig: DedupeConfig,
    metrics: Metrics,
  ) {
    this.client = kafkaClient(kafkaConfig, SILENCE_MS);
    this.admin = this.client.admin();
    const { store, ttlMs } = dedupeConfig;
    this.topics = new Topics(
      this.admin,
      topicNames(topicsConfig.prefix),
      topicsConfig,
      store === 'log' ? ttlMs : undefined,
    );
    metrics.observe('kafka_ready', '1 while Kafka can be written', () =>
      this.unready ? 0 : 1,
    );
  }

  /** Undefined while Kafka can be used, else why it cannot. */
  get unready(): string | undefined {
    return this.problem;
  }

  /** Adds a follower. It is called from the next check on. */
  follow(follower: ClusterFollower): void {
    this.followers.push(follower);
  }

  /** The listener is called once, when the topics can never serve this configuration. */
  onRefusal(listener: (reason: RetentionError) => void): void {
    this.refusals.once('refusal', listener);
  }

  /** Brings the next check forward, because a request failed and leaders may have changed. */
  refreshSoon(): void {
    this.wake.abort();
  }

  onApplicationBootstrap(): void {
    this.loop = this.checkInLoop();
  }

  async onApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    this.refreshSoon();
    await settledWithin(this.loop, 2000);
    await settledWithin(this.admin.disconnect(), 1000);
  }

  private async checkInLoop(): Promise<void> {
    for (let failures = 0; !this.isClosing;) {
      this.wake = new AbortController();
      try {
        await this.check();
        failures = 0;
        this.report(undefined);
      } catch (error) {
        failures++;
        this.ensuredAt = -Infinity;
        if (error instanceof RetentionError && !this.wasReady) {
          this.refusals.emit('refusal', error);
        }
        if (failures >= FAILURES_UNTIL_UNREADY) {
          this.report(error instanceof Error ? error.message : String(error));
        }
      }
      await this.pause(failures === 0 ? HEALTHY_INTERVAL_MS : FAILING_INTERVAL_MS);
    }
  }

  /** @throws the reason why Kafka cannot be used. */
  private async check(): Promise<void> {
    await this.admin.connect();
    if (performance.now() - this.ensuredAt > ENSURE_MS) {
      await this.topics.ensure();
      this.ensuredAt = performance.now();
    }
    const { states, troubles } = await this.topics.describe();
    const confirmed = states.filter((state) => this.isConfirmed(state));
    for (const follower of this.followers) await follower.onTopology(confirmed);
    if (troubles.length > 0) throw new Error(troubles.join('; '));
  }

  /**
   * False when one check reports fewer partitions than before. A broker with old metadata may
   * say so; a topic that was deleted and created again says so in every check.
   */
  private isConfirmed({ name, leaders }: TopicState): boolean {
    const known = this.sizes.get(name) ?? { partitions: 0, contradictions: 0 };
    const isFewer = leaders.length < known.partitions;
    const contradictions = isFewer ? known.contradictions + 1 : 0;
    const isConfirmed = !isFewer || contradictions === CHECKS_UNTIL_FEWER;
    this.sizes.set(
      name,
      isConfirmed
        ? { partitions: leaders.length, contradictions: 0 }
        : { ...known, contradictions },
    );
    return isConfirmed;
  }

  /** Logs a change of availability. A further problem while Kafka is unavailable is debug. */
  private report(problem: string | undefined): void {
    if (problem === this.problem) return;
    const wasUnavailable = this.problem !== undefined && this.wasReported;
    this.problem = problem;
    this.wasReady ||= problem === undefined;
    this.wasReported = true;
    if (problem === undefined) this.logger.log({ message: 'Kafka is available' });
    else if (!wasUnavailable)
      this.logger.warn({ message: 'Kafka is not available', problem });
    else this.logger.debug({ message: 'Kafka is still not available', problem });
  }

  private async pause(ms: number): Promise<void> {
    await sleep(Math.min(ms, MIN_INTERVAL_MS));
    await sleep(ms, this.wake.signal);
  }
}
