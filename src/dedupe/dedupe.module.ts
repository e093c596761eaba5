import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { Metrics } from '../metrics/metrics.js';
import { MetricsModule } from '../metrics/metrics.module.js';
import { DedupeStore } from './dedupe-store.js';
import { MemoryDedupeStore } from './memory.dedupe-store.js';
import { RedisDedupeStore } from './redis.dedupe-store.js';

/** A lease outlasts the attempt of a delivery by this much, in ms. */
const LEASE_MARGIN_MS = 6000;

/** Binds the dedupe port to the store that the configuration names. */
@Module({
  imports: [MetricsModule],
  providers: [
    { provide: DedupeStore, inject: [CONFIG, Metrics], useFactory: createStore },
  ],
  exports: [DedupeStore],
})
export class DedupeModule {}

/** How long a claim holds that nobody renews, in ms: the wait after a replica's death. */
export function leaseMs({ ackBudgetMs }: Config): number {
  return ackBudgetMs + LEASE_MARGIN_MS;
}

function createStore(config: Config, metrics: Metrics): DedupeStore {
  const { store, redisUrl, ttlMs, memoryMax } = config.dedupe;
  if (store === 'redis' && redisUrl !== undefined) {
    return new RedisDedupeStore(redisUrl, ttlMs, leaseMs(config));
  }
  const memory = new MemoryDedupeStore(ttlMs, memoryMax, (ids) =>
    metrics.evicted.inc(ids),
  );
  metrics.observe('dedupe_ids', 'Published ids remembered in memory', () => memory.size);
  return memory;
}
