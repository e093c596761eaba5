/**
 * Makes a replica send the next batch of a partition before the previous one is answered. Includes many-in-flight.mjs.
 * It is for comparisons of the producer's settings, not a fault.
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
