/**
 * For the comparison, not a fault by itself: a replica whose Kafka producer is not idempotent.
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
