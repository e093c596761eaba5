import type { Producer, ProducerBatch, RecordMetadata } from 'kafkajs';

/** A message as the batcher routes it. */
interface Sent {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly partition: number;
  readonly leader?: number;
  readonly fence: { markSent(): void };
}

/** A produce request that waits for the test to decide what becomes of it. */
export class FakeRequest {
  constructor(
    readonly batch: ProducerBatch,
    private readonly resolve: (answers: RecordMetadata[]) => void,
    readonly fail: (error: Error) => void,
  ) {}

  /** Each partition's batch in it. */
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

  /** The same as `topic/partition: value,value`. */
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

  /** As kafkajs does when it has a broker and a connection, before it writes. */
  handOn(): void {
    for (const { fence } of this.messages) fence.markSent();
  }

  /** Acknowledges all partitions, or those that are left in. */
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

/** Keeps the produce requests that it is given, and says how many are open. */
export class FakeProducer {
  readonly requests: FakeRequest[] = [];
  open = 0;

  /** As the batcher wants it: it calls nothing but `sendBatch`. */
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

  /** The request with this number, from 0, as soon as it is there. */
  async request(index: number): Promise<FakeRequest> {
    for (;;) {
      const request = this.requests[index];
      if (request) return request;
      await new Promise(setImmediate);
    }
  }
}
