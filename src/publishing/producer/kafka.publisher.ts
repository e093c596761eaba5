import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Producer } from 'kafkajs';
import type { KafkaConfig, TopicsConfig } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import {
  KafkaCluster,
  type ClusterFollower,
} from '../../infrastructure/kafka/kafka-cluster.js';
import { RECORD_HEADERS } from '../../events/record-headers.js';
import type { TopicState } from '../../infrastructure/kafka/topics.js';
import { TopicHistory } from '../topic-history.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { settledWithin } from '../../infrastructure/timing/settled-within.js';
import { traced, Tracing } from '../../infrastructure/tracing/tracing.js';
import { Batcher } from './batcher.js';
import {
  EventPublisher,
  type EventRecord,
  type PublishPermit,
  type RecordPosition,
} from '../event-publisher.js';
import { observeProducer } from '../publishing.metrics.js';
import { routedPartitioner } from './routed-message.js';

const METADATA_MAX_AGE_MS = 7 * 24 * 3_600_000;
const SHUTDOWN_MS = 2000;

/** Publishes through one producer at a time and replaces it when it fails fatally. */
@Injectable()
export class KafkaPublisher
  extends EventPublisher
  implements ClusterFollower, OnApplicationShutdown
{
  private readonly logger = new Logger(KafkaPublisher.name);
  private readonly batcher: Batcher;
  private readonly retired = new Set<Producer>();

  constructor(
    private readonly cluster: KafkaCluster,
    history: TopicHistory,
    private readonly tracing: Tracing,
    metrics: Metrics,
    @InjectConfig('kafka') kafkaConfig: KafkaConfig,
    @InjectConfig('topics') topicsConfig: TopicsConfig,
  ) {
    super();
    this.batcher = new Batcher(kafkaConfig.queueMax, history, {
      brokerFailed: () => cluster.refreshSoon(),
      producerFailed: (producer, error) => this.retire(producer, error),
      batchSent: (records) => metrics.batchRecords.observe(records),
      published: (waitedMs) => metrics.publishSeconds.observe(waitedMs / 1000),
      failed: (fault, records) => metrics.publishFailures.inc({ fault }, records),
    });
    observeProducer(metrics, topicsConfig.prefix, () => this.batcher.pending);
    cluster.follow(this);
  }

  override get unready(): string | undefined {
    return this.cluster.unready;
  }

  override publish(record: EventRecord, permit: PublishPermit): Promise<RecordPosition> {
    if (!this.tracing.isOn) return this.batcher.publish(record, permit);
    const { topic, headers } = record;
    const span = this.tracing.start('publish', {
      parent: headers[RECORD_HEADERS.traceparent],
      kind: 'producer',
      attributes: { 'messaging.system': 'kafka', 'messaging.destination.name': topic },
    });
    const { traceparent } = span;
    const spanned = {
      ...record,
      headers: { ...headers, [RECORD_HEADERS.traceparent]: traceparent },
    };
    return traced(span, () => this.batcher.publish(spanned, permit));
  }

  async onTopology(states: readonly TopicState[]): Promise<void> {
    this.batcher.producer ??= await this.connectProducer();
    this.batcher.onTopology(states);
    await this.disconnectRetired();
  }

  /** `Publications` has waited for its outcomes before, in `beforeApplicationShutdown`. */
  async onApplicationShutdown(): Promise<void> {
    this.batcher.close();
    const producers = [this.batcher.producer, ...this.retired].filter(
      (p) => p !== undefined,
    );
    const ends = producers.map((producer) => producer.disconnect());
    await settledWithin(Promise.allSettled(ends), SHUTDOWN_MS);
  }

  private async connectProducer(): Promise<Producer> {
    const producer = this.cluster.client.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      // Metadata are reloaded when a request fails, never by age: a reload fails for all topics
      // when one is in trouble, and would stop requests that work
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
    this.cluster.refreshSoon();
  }

  /** Disconnects replaced producers that no batch needs any more. */
  private async disconnectRetired(): Promise<void> {
    for (const producer of this.retired) {
      if (this.batcher.inUse(producer)) continue;
      this.retired.delete(producer);
      await producer.disconnect();
    }
  }
}
