import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { TopicHistoryModule } from '../history/topic-history.module.js';
import { TopicFollower } from '../history/topic-follower.js';
import { TopicHistory } from '../topic-history.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { MetricsModule } from '../../infrastructure/metrics/metrics.module.js';
import { DedupeStore } from '../dedupe-store.js';
import { LocalLeases } from './leases.js';
import { TopicHistoryDedupeStore } from './topic-history.dedupe-store.js';
import { MemoryDedupeStore } from './memory.dedupe-store.js';
import { PublishedIds } from './published-ids.js';
import { RedisDedupeStore } from './redis.dedupe-store.js';
import { RedisLeases } from './redis.leases.js';

/** Binds the dedupe port to the store that the configuration names. */
@Module({
  imports: [TopicHistoryModule, MetricsModule],
  providers: [
    {
      provide: DedupeStore,
      inject: [CONFIG, Metrics, TopicHistory],
      useFactory: (config: Config, metrics: Metrics, log: TopicHistory) => {
        const store = createStore(config, metrics, log);
        metrics.observe('dedupe_up', '1 while the dedupe store answers', () =>
          store.unready === undefined ? 1 : 0,
        );
        return store;
      },
    },
  ],
  exports: [DedupeStore],
})
export class DedupeModule {}

function createStore(config: Config, metrics: Metrics, log: TopicHistory): DedupeStore {
  const { redis } = config;
  const { store, ttlMs, leaseMs } = config.dedupe;
  if (log instanceof TopicFollower) return logStore(config, metrics, log);
  if (store === 'redis' && redis) {
    return new RedisDedupeStore(redis, ttlMs, leaseMs);
  }
  const { memoryMax } = config.dedupe;
  const memory = new MemoryDedupeStore(ttlMs, memoryMax, (ids) =>
    metrics.evicted.inc(ids),
  );
  observeIds(metrics, () => memory.size);
  return memory;
}

function logStore(
  { redis, dedupe: { ttlMs, memoryMax, leaseMs } }: Config,
  metrics: Metrics,
  tail: TopicFollower,
): TopicHistoryDedupeStore {
  const published = new PublishedIds(ttlMs, memoryMax, Date.now, (ids) =>
    metrics.evicted.inc(ids),
  );
  observeIds(metrics, () => published.size);
  metrics.observe(
    'dedupe_id_bytes',
    'Memory that the remembered ids take',
    () => published.bytes,
  );
  const leases = redis ? new RedisLeases(redis, leaseMs) : new LocalLeases();
  return new TopicHistoryDedupeStore(tail, leases, published);
}

function observeIds(metrics: Metrics, read: () => number): void {
  metrics.observe('dedupe_ids', 'Published ids remembered in this process', read);
}
