/**
 * For the comparison, not a fault by itself: a replica that does not wait for a broker's answer before the next request
 * to it. A partition still has one batch on its way.
 * Use: NODE_OPTIONS=--import=file:///…/many-in-flight.mjs
 */
import { alwaysFalse, announce, load, replace } from './dist.mjs';

const { Batcher } = await load('publishing/producer/batcher.js');

replace(
  Batcher,
  'queueOf',
  (queueOf) =>
    function openQueueOf(leader) {
      const queue = queueOf.call(this, leader);
      alwaysFalse(queue, 'inFlight');
      return queue;
    },
);

announce('many-in-flight');
