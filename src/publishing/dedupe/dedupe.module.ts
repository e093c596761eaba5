import { Module } from '@nestjs/common';
import type { DedupeConfig, RedisAccess } from '../../config/config.js';
import { configToken } from '../../config/inject-config.js';
import { KafkaCluster } from '../../infrastructure/kafka/kafka-cluster.js';
import { KafkaModule } from '../../infrastructure/kafka/kafka.module.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { MetricsModule } from '../../infrastructure/metrics/metrics.module.js';
import { DedupeStore } from '../dedupe-store.js';
import { TopicFollower } from '../history/topic-follower.js';
import { observeDedupeStore, observeIdBytes, observeIds } from '../publishing.metrics.js';
import { NoTopicHistory, TopicHistory } from '../topic-history.js';
import { fingerprintOf } from './fingerprint-set.js';
import { LocalLeases } from './leases.js';
import { MemoryDedupeStore } from './memory.dedupe-store.js';
import { PublishedIds } from './published-ids.js';
import { RedisDedupeStore } from './redis.dedupe-store.js';
import { RedisLeases } from './redis.leases.js';
import { TopicHistoryDedupeStore } from './topic-history.dedupe-store.js';

/** Binds the dedupe store that `DEDUPE_STORE` names, and the topic history that it needs. */
@Module({
  imports: [KafkaModule, MetricsModule],
  providers: [
    {
      provide: PublishedIds,
      inject: [configToken('dedupe'), Metrics],
      useFactory: createPublishedIds,
    },
    {
      provide: TopicHistory,
      inject: [configToken('dedupe'), KafkaCluster, Metrics, PublishedIds],
      useFactory: createTopicHistory,
    },
    {
      provide: DedupeStore,
      inject: [
        configToken('dedupe'),
        configToken('redis'),
        Metrics,
        TopicHistory,
        PublishedIds,
      ],
      useFactory: createDedupeStore,
    },
  ],
  exports: [TopicHistory, DedupeStore],
})
export class DedupeModule {}

/** The ids that the topics hold; empty with another store. Their times are those of records. */
function createPublishedIds(
  { ttlMs, memoryMax }: DedupeConfig,
  metrics: Metrics,
): PublishedIds {
  return new PublishedIds(ttlMs, memoryMax, Date.now, (ids) => metrics.evicted.inc(ids));
}

function createTopicHistory(
  { store, ttlMs }: DedupeConfig,
  cluster: KafkaCluster,
  metrics: Metrics,
  published: PublishedIds,
): TopicHistory {
  if (store !== 'log') return new NoTopicHistory();
  return new TopicFollower(cluster, metrics, ttlMs, (key, timestampMs) =>
    published.add(fingerprintOf(key), timestampMs),
  );
}

function createDedupeStore(
  dedupe: DedupeConfig,
  redis: RedisAccess | undefined,
  metrics: Metrics,
  history: TopicHistory,
  published: PublishedIds,
): DedupeStore {
  const store = storeOf(dedupe, redis, metrics, history, published);
  observeDedupeStore(metrics, store);
  return store;
}

function storeOf(
  { store, ttlMs, leaseMs, memoryMax }: DedupeConfig,
  redis: RedisAccess | undefined,
  metrics: Metrics,
  history: TopicHistory,
  published: PublishedIds,
): DedupeStore {
  if (store === 'log') {
    observeIds(metrics, published);
    observeIdBytes(metrics, published);
    const leases = redis ? new RedisLeases(redis, leaseMs) : new LocalLeases();
    return new TopicHistoryDedupeStore(history, leases, published);
  }
  if (store === 'redis' && redis) return new RedisDedupeStore(redis, ttlMs, leaseMs);
  const memory = new MemoryDedupeStore(ttlMs, memoryMax, (ids) =>
    metrics.evicted.inc(ids),
  );
  observeIds(metrics, memory);
  return memory;
}
