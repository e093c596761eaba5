import { describe, expect, it } from '@jest/globals';
import { EventFormatError } from '../../../src/events/gemini-event.js';
import type { DeliveryTrace } from '../../../src/receiver/tracing/delivery-trace.js';
import {
  eventRecord,
  deadLetterRecord,
  eventOf,
} from '../../../src/receiver/delivery-record.js';
import type { Delivery as Received } from '../../../src/receiver/delivery.js';
import { DeliverySource, scopeOf, type Delivery } from './delivery.js';
import { Random } from './random.js';

function deliveries(seed: number, withJobs = true): Delivery[] {
  const random = new Random(seed);
  const source = new DeliverySource({ random, prefix: 'c', topicPrefix: 'p', withJobs });
  return Array.from({ length: 2000 }, () => source.next());
}

/** The deliveries without their bodies, which hold the time. */
function outlines(seed: number) {
  return deliveries(seed).map(({ id, key, topic, jobId }) => [id, key, topic, jobId]);
}

/** The delivery in the form that the bridge has after its verification. */
function received({ id, body }: Delivery): Received {
  return {
    key: id,
    bodyHash: undefined,
    scope: 'static',
    proof: {
      scheme: 'v1',
      id,
      timestamp: '1',
      signature: 'v1,x',
      keyId: 'k',
      body,
      bodyBound: true,
    },
    capability: undefined,
    trace: { traceparent: '' } as DeliveryTrace,
    receivedAt: 0,
    deadline: 0,
  };
}

describe("the campaign's deliveries", () => {
  it('have the topic, the key and the scope of the record', () => {
    for (const delivery of deliveries(1)) {
      const event = eventOf(received(delivery));
      const { topic, key } =
        event instanceof EventFormatError
          ? deadLetterRecord(received(delivery), event.fault, 'p')
          : eventRecord(received(delivery), event, 'p', undefined);
      expect({ topic, key }).toEqual({ topic: delivery.topic, key: delivery.key });
    }
  });

  it('are of every type, on both routes, with several events for a key', () => {
    const all = deliveries(2);
    const topics = new Set(all.map(({ topic }) => topic));
    expect(topics).toEqual(
      new Set([
        'p.batch.succeeded',
        'p.batch.failed',
        'p.batch.expired',
        'p.video.generated',
        'p.interaction.completed',
        'p.other',
        'p-bridge.dead-letter',
      ]),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(new Set(all.map(({ key }) => key)).size).toBeLessThan(all.length / 5);
    const ofJobs = all.filter(({ jobId }) => jobId !== undefined).length;
    expect(ofJobs / all.length).toBeCloseTo(0.2, 1);
    expect(deliveries(2, false).every((one) => scopeOf(one) === 'static')).toBe(true);
  });

  it('have each ordered key on one topic, numbered without gaps', () => {
    const last = new Map<string, number>();
    const topics = new Map<string, Set<string>>();
    for (const { place, topic } of deliveries(3)) {
      if (!place) continue;
      expect(place.sequence).toBe((last.get(place.key) ?? 0) + 1);
      last.set(place.key, place.sequence);
      topics.set(place.key, (topics.get(place.key) ?? new Set()).add(topic));
    }
    expect(last.size).toBeGreaterThan(3);
    for (const ofKey of topics.values()) expect(ofKey.size).toBe(1);
  });

  it('are the same with the same seed', () => {
    expect(outlines(4)).toEqual(outlines(4));
    expect(outlines(4)).not.toEqual(outlines(5));
  });
});
