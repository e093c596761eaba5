import { setTimeout as delay } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Admin, Kafka } from 'kafkajs';
import { CONFIG, type Config } from '../../config/config.js';
import { topicNames } from '../../events/event-topics.js';
import { Metrics } from '../metrics/metrics.js';
import { kafkaClient } from './kafka-client.js';
import { RetentionError, Topics, type TopicState } from './topics.js';

/** A broker that is silent for this long is taken for hung, in ms. */
const SILENCE_MS = 4000;
/** One failed look may be one broker's fault; the next look asks another. */
const FAILURES_UNTIL_UNREADY = 2;
/** Looks in a row that have to agree that a topic has fewer partitions. */
const LOOKS_UNTIL_FEWER = 3;
/** What was changed on a topic shows within this time, and not at some broker's next restart, in ms. */
const ENSURE_MS = 300_000;
/** Between two looks at the cluster, in ms: while all is well, and while it is not. */
const HEALTHY_INTERVAL_MS = 4000;
const FAILING_INTERVAL_MS = 500;

/** Whoever has to know who leads our topics' partitions. */
export interface ClusterFollower {
  /**
   * Called after each look, also when nothing has changed.
   *
   * @throws what keeps the cluster from being used: it is unready until a later look.
   */
  onTopology(states: readonly TopicState[]): void | Promise<void>;
}

/** Looks at Kafka for ever: are our topics there and as durable as configured, who leads them? */
@Injectable()
export class KafkaCluster implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly client: Kafka;
  /** Told, once, that the topics as they are can never serve this configuration. */
  onRefusal: (error: Error) => void = () => undefined;

  private readonly logger = new Logger(KafkaCluster.name);
  private readonly admin: Admin;
  private readonly topics: Topics;
  private readonly followers: ClusterFollower[] = [];
  private readonly sizes = new Map<
    string,
    { readonly partitions: number; readonly contradicted: number }
  >();
  private problem: string | undefined = 'not connected yet';
  private wasReady = false;
  private wasTold = false;
  /** When the topics were found to be as configured, on the clock of `performance.now()`. */
  private ensuredAt = -Infinity;
  private closing = false;
  private wake = new AbortController();
  private loop: Promise<void> = Promise.resolve();

  constructor(@Inject(CONFIG) config: Config, metrics: Metrics) {
    this.client = kafkaClient(config, SILENCE_MS);
    this.admin = this.client.admin();
    const { store, ttlMs } = config.dedupe;
    this.topics = new Topics(
      this.admin,
      topicNames(config.topics.prefix),
      config.topics,
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

  follow(follower: ClusterFollower): void {
    this.followers.push(follower);
  }

  /** Something failed that a look may explain. */
  refreshSoon(): void {
    this.wake.abort();
  }

  onApplicationBootstrap(): void {
    this.loop = this.watch();
  }

  async onApplicationShutdown(): Promise<void> {
    this.closing = true;
    this.refreshSoon();
    await Promise.race([this.loop, delay(2000, undefined, { ref: false })]);
    await Promise.race([this.admin.disconnect(), delay(1000, undefined, { ref: false })]);
  }

  private async watch(): Promise<void> {
    for (let failures = 0; !this.closing;) {
      this.wake = new AbortController();
      try {
        await this.refreshTopology();
        failures = 0;
        this.report(undefined);
      } catch (error) {
        failures++;
        this.ensuredAt = -Infinity;
        if (error instanceof RetentionError && !this.wasReady) this.onRefusal(error);
        if (failures >= FAILURES_UNTIL_UNREADY) {
          this.report(error instanceof Error ? error.message : String(error));
        }
      }
      await this.sleep(failures === 0 ? HEALTHY_INTERVAL_MS : FAILING_INTERVAL_MS);
    }
  }

  private async refreshTopology(): Promise<void> {
    await this.admin.connect();
    if (performance.now() - this.ensuredAt > ENSURE_MS) {
      await this.topics.ensure();
      this.ensuredAt = performance.now();
    }
    const { states, troubles } = await this.topics.describe();
    const believed = states.filter((state) => this.isKnownState(state));
    for (const follower of this.followers) await follower.onTopology(believed);
    if (troubles.length > 0) throw new Error(troubles.join('; '));
  }

  /** One broker with an old view must not pass for a topic that was made anew with fewer partitions. */
  private isKnownState({ name, leaders }: TopicState): boolean {
    const known = this.sizes.get(name) ?? { partitions: 0, contradicted: 0 };
    const isFewer = leaders.length < known.partitions;
    const contradicted = isFewer ? known.contradicted + 1 : 0;
    const believed = !isFewer || contradicted === LOOKS_UNTIL_FEWER;
    this.sizes.set(
      name,
      believed
        ? { partitions: leaders.length, contradicted: 0 }
        : { ...known, contradicted },
    );
    return believed;
  }

  private report(problem: string | undefined): void {
    if (problem === this.problem) return;
    const wasMissing = this.problem !== undefined && this.wasTold;
    this.problem = problem;
    this.wasReady ||= problem === undefined;
    this.wasTold = true;
    if (problem === undefined) this.logger.log({ message: 'Kafka is available' });
    else if (!wasMissing)
      this.logger.warn({ message: 'Kafka is not available', problem });
    else this.logger.debug({ message: 'Kafka is still not available', problem });
  }

  /** Ends early when something asks for a look, but never at once: no busy loop. */
  private async sleep(ms: number): Promise<void> {
    await delay(Math.min(ms, 200));
    await delay(ms, undefined, { signal: this.wake.signal }).catch(() => undefined);
  }
}
