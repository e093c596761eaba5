/**
 * A replica that answers 200 before Kafka has acknowledged. The campaign must find `lost`.
 * Use: NODE_OPTIONS=--import=file:///…/answer-before-ack.mjs
 */
import { announce, load, replace } from './dist.mjs';

const { KafkaPublisher } = await load('publishing/producer/kafka.publisher.js');

replace(
  KafkaPublisher,
  'publish',
  (publish) =>
    function publishLater(...parameters) {
      publish.apply(this, parameters).catch(() => undefined);
      return Promise.resolve();
    },
);
announce('answer-before-ack');
