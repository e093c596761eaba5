import { internalModule } from './internals.js';

/** Decides, just before a produce request is sent, whether its messages may still be written. */
export interface ProduceFence {
  /** @throws the reason. kafkajs then sends nothing of the request. */
  assertMaySend(): void;
  /** Called when all fences of the request agree: the broker may get the messages from now on. */
  markSent(): void;
}

/** A message that carries its fence. A message without one is sent unasked. */
export interface FencedMessage {
  readonly fence?: ProduceFence;
}

/** The parts of kafkajs's `Broker` that a produce request goes through. */
interface Broker {
  isConnected(): boolean;
  connect(): Promise<void>;
  produce: (this: Broker, request: ProduceRequest) => Promise<unknown>;
}

interface ProduceRequest {
  readonly topicData: readonly {
    readonly partitions: readonly { readonly messages: readonly FencedMessage[] }[];
  }[];
}

/**
 * Makes kafkajs ask the fences of a produce request's messages when the request has the broker
 * to itself and a connection. Between the partitioner, which is the last public hook, and that
 * moment the request may wait for other requests and for a login.
 */
export function installProduceFence(): void {
  const { prototype } = internalModule('broker') as { prototype: Broker };
  const { produce } = prototype;
  prototype.produce = async function produceFenced(this: Broker, request) {
    if (!this.isConnected()) await this.connect();
    const fences = fencesOf(request);
    for (const fence of fences) fence.assertMaySend();
    for (const fence of fences) fence.markSent();
    return produce.call(this, request);
  };
}

function fencesOf({ topicData }: ProduceRequest): Set<ProduceFence> {
  const fences = new Set<ProduceFence>();
  for (const { partitions } of topicData) {
    for (const { messages } of partitions) {
      for (const { fence } of messages) if (fence) fences.add(fence);
    }
  }
  return fences;
}
