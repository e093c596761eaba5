import type { Producer, ProducerBatch, RecordMetadata } from 'kafkajs';

/** Turns of the event loop to wait for a request. */
const MAX_TURNS = 10_000;

/** A message as the batcher hands it to the producer. */
interface Sent {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly partition: number;
  readonly leader?: number;
  readonly fence: { markSent(): void };
}

/** A produce request. The test acknowledges it or lets it fail. */
export class FakeRequest {
  constructor(
    readonly batch: ProducerBatch,
    private readonly resolve: (answers: RecordMetadata[]) => void,
    readonly fail: (error: Error) => void,
  ) {}

  /** The batches of the request, one per partition. */
  get units(): { topic: string; partition: number; values: string[] }[] {
    return (this.batch.topicMessages ?? []).map(({ topic, messages }) => {
      const sent = messages as unknown as Sent[];
      return {
        topic,
        partition: sent[0]!.partition,
        values: sent.map(({ value }) => String(value)),
      };
    });
  }

  /** `units` as `topic/partition: value,value`. */
  get text(): string[] {
    return this.units.map(
      ({ topic, partition, values }) => `${topic}/${partition}: ${values.join()}`,
    );
  }

  get leader(): number | undefined {
    return this.messages[0]?.leader;
  }

  get messages(): Sent[] {
    const all = (this.batch.topicMessages ?? []).flatMap(({ messages }) => messages);
    return all as unknown as Sent[];
  }

  /** Marks the request as sent, as kafkajs does just before it writes to the connection. */
  handOn(): void {
    for (const { fence } of this.messages) fence.markSent();
  }

  /** Acknowledges the partitions for which `keep` is true. */
  answer(keep: (partition: number) => boolean = () => true, baseOffset = 0): void {
    const answers = this.units.map(({ topic, partition }) => {
      return {
        topicName: topic,
        partition,
        errorCode: 0,
        baseOffset: String(baseOffset),
      };
    });
    this.resolve(answers.filter(({ partition }) => keep(partition)));
  }
}

/** Records produce requests and counts the open ones. */
export class FakeProducer {
  readonly requests: FakeRequest[] = [];
  open = 0;

  /** Typed for the batcher, which calls `sendBatch` alone. */
  get asProducer(): Producer {
    return this as unknown as Producer;
  }

  async sendBatch(batch: ProducerBatch): Promise<RecordMetadata[]> {
    this.open++;
    try {
      return await new Promise((resolve, reject) => {
        this.requests.push(new FakeRequest(batch, resolve, reject));
      });
    } finally {
      this.open--;
    }
  }

  /** Resolves with the request of this index, counted from 0. */
  async request(index: number): Promise<FakeRequest> {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      const request = this.requests[index];
      if (request) return request;
      await new Promise(setImmediate);
    }
    throw new Error(`no request ${index}: there are ${this.requests.length}`);
  }
}
