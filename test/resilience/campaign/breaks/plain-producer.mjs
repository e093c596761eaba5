/**
 * Makes the Kafka producer of a replica not idempotent. It is for comparisons of the producer's settings, not a fault.
 * Use: NODE_OPTIONS=--import=file:///…/plain-producer.mjs
 */
import kafkajs from 'kafkajs';
import { announce, replace } from './dist.mjs';

replace(
  kafkajs.Kafka,
  'producer',
  (producer) =>
    function plainProducer(options) {
      return producer.call(this, { ...options, idempotent: false });
    },
);
announce('plain-producer');
