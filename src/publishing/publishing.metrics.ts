import { topicNames } from '../events/event-topics.js';
import type { Metrics } from '../infrastructure/metrics/metrics.js';
import { DEDUPE_CALLS, type DedupeStore } from './dedupe-store.js';
import { PUBLISH_FAULTS } from './event-publisher.js';

/*
 * The gauges of publishing, and the zeros of its counters. The counters and histograms
 * themselves are fields of `Metrics`.
 */

export function observePublications(metrics: Metrics, count: () => number): void {
  metrics.observe('attempts', 'Publications under way in this process', count);
  metrics.zeroSeries(metrics.unclaimed, 'call', DEDUPE_CALLS);
}

/** @param prefix of the topics' names. */
export function observeProducer(
  metrics: Metrics,
  prefix: string,
  pending: () => number,
): void {
  metrics.observe('publish_pending', 'Records waiting for Kafka', pending);
  metrics.zeroSeries(metrics.accepted, 'topic', topicNames(prefix));
  metrics.zeroSeries(metrics.publishFailures, 'fault', PUBLISH_FAULTS);
}

export function observeDedupeStore(metrics: Metrics, store: DedupeStore): void {
  metrics.observe('dedupe_up', '1 while the dedupe store answers', () =>
    store.unready === undefined ? 1 : 0,
  );
}

/** For the stores that keep ids in the process: log and memory. */
export function observeIds(metrics: Metrics, ids: { readonly size: number }): void {
  metrics.observe(
    'dedupe_ids',
    'Published ids remembered in this process',
    () => ids.size,
  );
}

/** For `DEDUPE_STORE=log`. */
export function observeIdBytes(metrics: Metrics, ids: { readonly bytes: number }): void {
  metrics.observe('dedupe_id_bytes', 'Memory of the remembered ids', () => ids.bytes);
}

/** For `DEDUPE_STORE=log`. */
export function observeHistory(
  metrics: Metrics,
  lagSeconds: () => number,
  unknownPartitions: () => number,
): void {
  metrics.observe(
    'log_lag_seconds',
    'Time since all partitions were known to their ends, without those that never were; -1 for none',
    lagSeconds,
  );
  metrics.observe(
    'log_unknown_partitions',
    'Partitions that are not written to, because their content is not known',
    unknownPartitions,
  );
}
