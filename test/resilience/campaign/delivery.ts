/** The deliveries of a campaign: id, body, route, and the topic and key of the record that each must become. */
import type { OrderedPlace } from './journal.js';
import type { Random } from './random.js';

/** One delivery. All its attempts send the same id and body. */
export interface Delivery {
  /** webhook-id */
  readonly id: string;
  readonly body: Buffer;
  /** The job whose URL it is sent to. Absent: the static route. */
  readonly jobId?: string;
  /** Topic of its record. */
  readonly topic: string;
  readonly key: string;
  readonly place?: OrderedPlace;
}

interface EventKind {
  readonly type: string;
  /** Topic without the prefix. */
  readonly topic: string;
  readonly collection: string;
}

/** Written by hand and not taken from the bridge's table, because the oracle compares the bridge with it. */
const KINDS: readonly EventKind[] = [
  { type: 'batch.succeeded', topic: 'batch.succeeded', collection: 'batches' },
  { type: 'batch.completed', topic: 'batch.succeeded', collection: 'batches' },
  { type: 'batch.failed', topic: 'batch.failed', collection: 'batches' },
  { type: 'batch.expired', topic: 'batch.expired', collection: 'batches' },
  { type: 'video.generated', topic: 'video.generated', collection: 'operations' },
  {
    type: 'interaction.completed',
    topic: 'interaction.completed',
    collection: 'interactions',
  },
  { type: 'model.tuned', topic: 'other', collection: 'models' },
];

const KEYS_OF_A_KIND = 12;
const ORDERED_KEYS = 8;
const JOBS = 20;
const ORDERED_SHARE = 0.15;
const JOB_SHARE = 0.2;
const NOT_JSON_SHARE = 0.02;

export interface DeliveryOptions {
  readonly random: Random;
  /** First part of each id and each resource name. */
  readonly prefix: string;
  readonly topicPrefix: string;
  readonly withJobs: boolean;
}

/** Makes deliveries. The same `random` gives the same deliveries, except for the time in the body. */
export class DeliverySource {
  private made = 0;
  private readonly sequences = new Map<string, number>();

  constructor(private readonly options: DeliveryOptions) {}

  next(): Delivery {
    const { random, prefix, withJobs } = this.options;
    const id = `${prefix}_${this.made++}`;
    const delivery = this.event(id);
    if (!withJobs || !random.chance(JOB_SHARE)) return delivery;
    return { ...delivery, jobId: `${prefix}-job-${random.int(1, JOBS)}` };
  }

  private event(id: string): Delivery {
    const { random } = this.options;
    const share = random.next();
    if (share < NOT_JSON_SHARE) return this.deadLetter(id);
    if (share < NOT_JSON_SHARE + ORDERED_SHARE) return this.ordered(id);
    const kind = random.pick(KINDS);
    return this.about(id, kind, `n${random.int(1, KEYS_OF_A_KIND)}`);
  }

  /** An event of an ordered key. The key has one type of event, because Kafka keeps an order within a topic only. */
  private ordered(id: string): Delivery {
    const at = this.options.random.int(0, ORDERED_KEYS - 1);
    const delivery = this.about(id, KINDS[at % KINDS.length] as EventKind, `o${at}`);
    const sequence = (this.sequences.get(delivery.key) ?? 0) + 1;
    this.sequences.set(delivery.key, sequence);
    return { ...delivery, place: { key: delivery.key, sequence } };
  }

  private about(id: string, kind: EventKind, name: string): Delivery {
    const { prefix, topicPrefix } = this.options;
    const key = `${kind.collection}/${prefix}-${name}`;
    const event = {
      type: kind.type,
      version: 'v1',
      timestamp: new Date().toISOString(),
      data: { id: key, output_file_uri: `files/${id}-out`, note: 'é “quoted” \u{1f680}' },
    };
    const topic = `${topicPrefix}.${kind.topic}`;
    return { id, body: Buffer.from(JSON.stringify(event)), topic, key };
  }

  private deadLetter(id: string): Delivery {
    const body = Buffer.concat([Buffer.from(`not JSON: ${id} `), Buffer.from([0, 0xff])]);
    return { id, body, topic: `${this.options.topicPrefix}-bridge.dead-letter`, key: id };
  }
}

/** `bridge-scope` of the record of a delivery. */
export function scopeOf({ jobId }: Delivery): string {
  return jobId === undefined ? 'static' : `jobs/${jobId}`;
}
