import type { Producer } from 'kafkajs';
import type { PublishPermit } from '../../../../src/publishing/event-publisher.js';
import type {
  BrokerQueue,
  Partition,
  QueuedRecord,
} from '../../../../src/publishing/producer/broker-queue.js';

/** A producer where only its identity matters. */
export const PRODUCER = {} as Producer;

export const partitionOf = (queue: BrokerQueue, id: number): Partition => ({
  topic: 'gemini.other',
  id,
  queue,
  busy: false,
  gone: false,
});

export const permitUntil = (deadline: number, heldUntil = Infinity): PublishPermit => ({
  deadline,
  askedAt: 0,
  heldUntil,
});

/** A record in the queue of the partition. */
export function queued(
  partition: Partition,
  overrides: Partial<QueuedRecord> = {},
): QueuedRecord {
  const { topic } = partition;
  return {
    record: { topic, key: 'k', value: Buffer.alloc(0), headers: {} },
    key: Buffer.from('k'),
    partition,
    permit: permitUntil(1000),
    bytes: 4096,
    queuedAt: 0,
    resolve: () => undefined,
    reject: () => undefined,
    ...overrides,
  };
}
