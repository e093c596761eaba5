import { setTimeout as delay } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Admin, Kafka, Producer } from 'kafkajs';
import { CONFIG, type Config } from '../config.js';
import { topicNames } from '../event/event-topics.js';
import { Metrics } from '../metrics/metrics.js';
import { Batcher } from './batcher.js';
import { EventPublisher, type EventRecord } from './event-publisher.js';
import { kafkaClient } from './kafka-client.js';
import { installConnectionReset } from './connection-reset.js';
import { installRecordEncoder } from './record-encoder.js';
import { routedPartitioner } from './routed-message.js';
import { Topics } from './topics.js';

/** A broker that is silent for this long is taken for hung, in ms. */
const SILENCE_MS = 4000;
/** One failed look may be one broker's fault; the next look asks another. */
const FAILURES_UNTIL_UNREADY = 2;
/** Between two looks at the cluster, in ms: while all is well, and while it is not. */
const HEALTHY_INTERVAL_MS = 5000;
const FAILING_INTERVAL_MS = 500;
const METADATA_MAX_AGE_MS = 7 * 24 * 3_600_000;

/** Keeps the connection to Kafka for ever, and publishes through it. */
@Injectable()
export class KafkaPublisher
  extends EventPublisher
  implements OnApplicationBootstrap, OnApplicationShutdown
{
  private readonly logger = new Logger(KafkaPublisher.name);
  private readonly kafka: Kafka;
  private readonly admin: Admin;
  private readonly topics: Topics;
  private readonly batcher: Batcher;
  private readonly retired = new Set<Producer>();
  private problem: string | undefined = 'not connected yet';
  private topicsEnsured = false;
  private closing = false;
  private wake = new AbortController();
  private loop: Promise<void> = Promise.resolve();

  constructor(@Inject(CONFIG) config: Config, metrics: Metrics) {
    super();
    installConnectionReset();
    this.kafka = kafkaClient(config, SILENCE_MS);
    this.admin = this.kafka.admin();
    this.topics = new Topics(this.admin, topicNames(config.topics.prefix), config.topics);
    this.batcher = new Batcher(config.kafka.queueMax, {
      brokerFailed: () => this.lookAgain(),
      producerFailed: (producer, error) => this.retire(producer, error),
      batchSent: (records) => metrics.batchRecords.observe(records),
      published: (waitedMs) => metrics.publishSeconds.observe(waitedMs / 1000),
      failed: (fault, records) => metrics.publishFailures.inc({ fault }, records),
    });
    metrics.observe(
      'publish_pending',
      'Records waiting for Kafka',
      () => this.batcher.pending,
    );
    metrics.observe('kafka_ready', '1 while Kafka can be written', () =>
      this.unready ? 0 : 1,
    );
  }

  override get unready(): string | undefined {
    return this.problem;
  }

  override publish(record: EventRecord, deadline: number): Promise<void> {
    return this.batcher.publish(record, deadline);
  }

  onApplicationBootstrap(): void {
    if (!installRecordEncoder()) {
      this.logger.warn(
        'kafkajs is not the known version: its slower record encoder is used',
      );
    }
    this.loop = this.watchCluster();
  }

  /** Whoever publishes has waited for the outcomes that could be had. */
  async onApplicationShutdown(): Promise<void> {
    this.closing = true;
    this.lookAgain();
    this.batcher.close();
    const producers = [this.batcher.producer, ...this.retired].filter(
      (p) => p !== undefined,
    );
    const ends = [...producers.map((producer) => producer.disconnect()), this.loop];
    await Promise.race([
      Promise.allSettled(ends),
      delay(2000, undefined, { ref: false }),
    ]);
    await Promise.race([this.admin.disconnect(), delay(1000, undefined, { ref: false })]);
  }

  private async watchCluster(): Promise<void> {
    for (let failures = 0; !this.closing;) {
      this.wake = new AbortController();
      try {
        await this.look();
        failures = 0;
        this.report(undefined);
      } catch (error) {
        failures++;
        this.topicsEnsured = false;
        if (failures >= FAILURES_UNTIL_UNREADY) {
          this.report(error instanceof Error ? error.message : String(error));
        }
      }
      await this.sleep(failures === 0 ? HEALTHY_INTERVAL_MS : FAILING_INTERVAL_MS);
    }
  }

  private async look(): Promise<void> {
    await this.admin.connect();
    if (!this.topicsEnsured) {
      await this.topics.ensure();
      this.topicsEnsured = true;
    }
    const { states, troubles } = await this.topics.describe();
    this.batcher.producer ??= await this.connectProducer();
    this.batcher.lead(states);
    await this.dropRetired();
    if (troubles.length > 0) throw new Error(troubles.join('; '));
  }

  private async connectProducer(): Promise<Producer> {
    const producer = this.kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      // Asked for when a request fails, never by age: kafkajs takes trouble with one topic for
      // trouble with all, and what works would stop working
      metadataMaxAge: METADATA_MAX_AGE_MS,
      createPartitioner: routedPartitioner,
      retry: { retries: 1, initialRetryTime: 50, maxRetryTime: 200 },
    });
    try {
      await producer.connect();
    } catch (error) {
      await producer.disconnect().catch(() => undefined);
      throw error;
    }
    return producer;
  }

  private retire(producer: Producer, error: unknown): void {
    if (this.retired.has(producer)) return;
    this.logger.error({
      message: 'fatal producer error: starting a new producer',
      error,
    });
    this.retired.add(producer);
    this.lookAgain();
  }

  private async dropRetired(): Promise<void> {
    for (const producer of this.retired) {
      if (this.batcher.inUse(producer)) continue;
      this.retired.delete(producer);
      await producer.disconnect();
    }
  }

  private report(problem: string | undefined): void {
    if (problem === this.problem) return;
    this.problem = problem;
    if (problem) this.logger.warn({ message: 'Kafka is not available', problem });
    else this.logger.log({ message: 'Kafka is available' });
  }

  private lookAgain(): void {
    this.wake.abort();
  }

  /** Ends early when something asks for a look, but never at once: no busy loop. */
  private async sleep(ms: number): Promise<void> {
    await delay(Math.min(ms, 200));
    await delay(ms, undefined, { signal: this.wake.signal }).catch(() => undefined);
  }
}
