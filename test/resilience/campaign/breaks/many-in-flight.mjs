/**
 * Makes a replica send the next request to a broker before the previous one is answered. A partition still has at most
 * one unanswered batch. It is for comparisons of the producer's settings, not a fault.
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
