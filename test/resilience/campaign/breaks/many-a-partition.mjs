/**
 * For the comparison, not a fault by itself: as many-in-flight.mjs, and a partition has several batches on their way, too.
 * Use: NODE_OPTIONS=--import=file:///…/many-a-partition.mjs
 */
import { alwaysFalse, announce, load, replace } from './dist.mjs';
await import('./many-in-flight.mjs');
const { Batcher } = await load('publishing/producer/batcher.js');

replace(
  Batcher,
  'onTopology',
  (onTopology) =>
    function openPartitions(states) {
      onTopology.call(this, states);
      for (const partition of [...this.topics.values()].flat()) {
        alwaysFalse(partition, 'busy');
      }
    },
);
announce('many-a-partition');
