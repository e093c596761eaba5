/**
 * For the comparison, not a fault by itself: a replica that does not wait for a broker's answer before the next request
 * to it. A partition still has one batch on its way; with MANY_A_PARTITION=1 it has several as well.
 * Use: NODE_OPTIONS=--import=file:///…/many-in-flight.mjs
 */
import { announce, load, replace } from './dist.mjs';

const { Batcher } = await load('publisher/batcher.js');

const patched = new WeakSet();

/** The property can be set, and is false. */
function alwaysFalse(object, property) {
  if (patched.has(object)) return;
  patched.add(object);
  Object.defineProperty(object, property, { get: () => false, set() {} });
}

replace(
  Batcher,
  'lane',
  (lane) =>
    function openLane(leader) {
      const made = lane.call(this, leader);
      alwaysFalse(made, 'inFlight');
      return made;
    },
);

if (process.env.MANY_A_PARTITION === '1') {
  replace(
    Batcher,
    'lead',
    (lead) =>
      function openPartitions(states) {
        lead.call(this, states);
        for (const partition of [...this.topics.values()].flat()) {
          alwaysFalse(partition, 'busy');
        }
      },
  );
}
announce('many-in-flight');
