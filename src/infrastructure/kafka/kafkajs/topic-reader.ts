import type { Kafka } from 'kafkajs';
import type { PartitionId } from '../partition-id.js';
import { internalModule } from './internals.js';

/*
 * Kafka's read side below kafkajs's consumer, which would need a group for each replica,
 * decodes every record whole, and starts anew again and again when no broker answers.
 * Connections, security and request encoding stay kafkajs's; it is pinned for that.
 */

export interface OffsetAnswer extends PartitionId {
  /** Kafka's error code; 0 for none. */
  readonly errorCode: number;
  /** -1 when there is none at or after the time asked for. */
  readonly offset: number;
}

export interface FetchAnswer extends PartitionId {
  readonly errorCode: number;
  /** Record batches, the last of which may be cut off. */
  readonly bytes: Buffer;
}

/** In the order of the partitions that were asked about; undefined where one is not mentioned. */
export type Answers<Answer> = readonly (Answer | undefined)[];

export interface FetchPosition extends PartitionId {
  readonly offset: number;
}

interface Protocol {
  readonly request: object;
  readonly response: object;
}

interface Broker {
  readonly connectionPool: { send(protocol: Protocol): Promise<unknown> };
  metadata(topics: string[]): Promise<unknown>;
  disconnect(): Promise<void>;
}

interface Cluster {
  readonly brokerPool: { createBroker: (options: object) => Broker };
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  findBroker(node: { nodeId: number }): Promise<Broker>;
}

/** The decoders of kafkajs, as far as they are used here. */
interface Decoder {
  readInt32(): number;
  readInt16(): number;
  readInt64(): bigint;
  readString(): string;
  readBytes(length: number): Buffer;
  readArray<T>(read: (decoder: Decoder) => T): T[];
}

type RequestMaker = (parameters: object) => object;

const REQUESTS = 'protocol/requests';
const listOffsets = internalModule(`${REQUESTS}/listOffsets/v3/request`) as RequestMaker;
const fetchRecords = internalModule(`${REQUESTS}/fetch/v11/request`) as RequestMaker;
const metadataResponse = internalModule(`${REQUESTS}/metadata/v6/response`) as object;
const DecoderClass = internalModule('protocol/decoder') as new (bytes: Buffer) => Decoder;
const EncoderClass = internalModule('protocol/encoder') as new () => {
  writeInt32(value: number): { writeBoolean(value: boolean): object };
};

const CONSUMER = -1;
const LATEST = -1;
const READ_UNCOMMITTED = 0;

/** Bounds of a fetch answer, in bytes: what reading back may hold in memory at once. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_PARTITION_BYTES = 1024 * 1024;
/** The broker answers at once when there is something, else after this time. */
const MAX_WAIT_MS = 500;

/** Asks the brokers where the topics end, and for what stands on them. Needs Kafka 2.3 or newer. */
export class TopicReader {
  private readonly cluster: Cluster;
  /** Brokers whose address is known, as far as they answered last time. */
  private readonly located = new Set<number>();

  /** @throws {TypeError} when kafkajs is not the version that this was made for. */
  constructor(kafka: Kafka) {
    this.cluster = clusterOf(kafka);
  }

  async disconnect(): Promise<void> {
    await this.cluster.disconnect();
  }

  /**
   * The end of the leader's log, and not the high watermark: records that are appended but
   * not yet on all in-sync replicas count too. A replica's question is answered so, whichever
   * it is (its own node id will do), and only by a broker that leads the partition.
   */
  ends(
    leader: number,
    partitions: readonly PartitionId[],
  ): Promise<Answers<OffsetAnswer>> {
    return this.offsets(leader, partitions, leader, LATEST);
  }

  /** The high watermarks: up to there everything is on all in-sync replicas. */
  committedEnds(
    leader: number,
    partitions: readonly PartitionId[],
  ): Promise<Answers<OffsetAnswer>> {
    return this.offsets(leader, partitions, CONSUMER, LATEST);
  }

  /** The first offset at or after a time, Unix ms. */
  since(
    leader: number,
    partitions: readonly PartitionId[],
    timestampMs: number,
  ): Promise<Answers<OffsetAnswer>> {
    return this.offsets(leader, partitions, CONSUMER, timestampMs);
  }

  /** What is on all in-sync replicas from these offsets on, within bounds. */
  async fetch(
    leader: number,
    positions: readonly FetchPosition[],
  ): Promise<Answers<FetchAnswer>> {
    const topics = byTopic(positions, ({ partition, offset }) => ({
      partition,
      fetchOffset: offset,
      maxBytes: MAX_PARTITION_BYTES,
    }));
    const request = fetchRecords({
      replicaId: CONSUMER,
      isolationLevel: READ_UNCOMMITTED,
      maxWaitTime: MAX_WAIT_MS,
      minBytes: 1,
      maxBytes: MAX_BYTES,
      topics,
    });
    return inOrder(positions, await this.send(leader, request, decodeFetch));
  }

  private async offsets(
    leader: number,
    partitions: readonly PartitionId[],
    replicaId: number,
    timestamp: number,
  ): Promise<Answers<OffsetAnswer>> {
    const topics = byTopic(partitions, ({ partition }) => ({ partition, timestamp }));
    const request = listOffsets({ replicaId, isolationLevel: READ_UNCOMMITTED, topics });
    return inOrder(partitions, await this.send(leader, request, decodeOffsets));
  }

  private async send<Answer>(
    leader: number,
    request: object,
    decode: (decoder: Decoder) => Answer[],
  ): Promise<Answer[]> {
    if (!this.located.has(leader)) await this.locate(leader);
    const broker = await this.cluster.findBroker({ nodeId: leader });
    try {
      const answers = await broker.connectionPool.send({
        request,
        response: responseOf(decode),
      });
      return answers as Answer[];
    } catch (error) {
      this.located.delete(leader); // it may be elsewhere by now
      // Not waited for. Or its other connection would pass for one that can be asked
      broker.disconnect().catch(() => undefined);
      throw error;
    }
  }

  /** Connects, and learns where the brokers are. */
  private async locate(leader: number): Promise<void> {
    await this.cluster.connect();
    await this.cluster.refreshMetadata();
    this.located.add(leader);
  }
}

/** kafkajs's own way to a cluster, whose metadata requests ask for brokers and no topics. */
function clusterOf(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  if (!symbol)
    throw new TypeError('kafkajs is not the version that this build was made for');
  const create = Reflect.get(kafka, symbol) as (options: object) => Cluster;
  const cluster = create({ metadataMaxAge: Infinity, allowAutoTopicCreation: false });
  const { brokerPool } = cluster;
  const { createBroker } = brokerPool;
  // kafkajs would fail on all topics when one of them has no leader
  brokerPool.createBroker = (options) => {
    const broker = createBroker(options);
    broker.metadata = () =>
      broker.connectionPool.send({ request: BROKERS_ONLY, response: metadataResponse });
    return broker;
  };
  return cluster;
}

/** An empty list of topics: kafkajs itself can only ask for some or for all. */
const BROKERS_ONLY = {
  apiKey: 3,
  apiVersion: 6,
  apiName: 'Metadata',
  encode: () => Promise.resolve(new EncoderClass().writeInt32(0).writeBoolean(false)),
};

/** As kafkajs wants it; every error of a partition is left in the answer. */
function responseOf(decode: (decoder: Decoder) => unknown): object {
  return {
    decode: (bytes: Buffer) => Promise.resolve(decode(new DecoderClass(bytes))),
    parse: (data: unknown) => Promise.resolve(data),
  };
}

function decodeOffsets(decoder: Decoder): OffsetAnswer[] {
  decoder.readInt32(); // throttle time
  return decoder
    .readArray((each) => {
      const topic = each.readString();
      return each.readArray((inner) => {
        const partition = inner.readInt32();
        const errorCode = inner.readInt16();
        inner.readInt64(); // timestamp
        return { topic, partition, errorCode, offset: Number(inner.readInt64()) };
      });
    })
    .flat();
}

function decodeFetch(decoder: Decoder): FetchAnswer[] {
  decoder.readInt32(); // throttle time
  const error = decoder.readInt16();
  if (error !== 0) throw new Error(`Kafka's fetch answer has error ${error}`);
  decoder.readInt32(); // session
  return decoder
    .readArray((each) => {
      const topic = each.readString();
      return each.readArray((inner) => decodePartition(topic, inner));
    })
    .flat();
}

function decodePartition(topic: string, decoder: Decoder): FetchAnswer {
  const partition = decoder.readInt32();
  const errorCode = decoder.readInt16();
  decoder.readInt64(); // high watermark
  decoder.readInt64(); // last stable offset
  decoder.readInt64(); // start of the log
  decoder.readArray((aborted) => [aborted.readInt64(), aborted.readInt64()]);
  decoder.readInt32(); // preferred replica
  const length = decoder.readInt32();
  const bytes = length > 0 ? decoder.readBytes(length) : Buffer.alloc(0);
  return { topic, partition, errorCode, bytes };
}

function byTopic<T extends PartitionId>(
  items: readonly T[],
  encode: (item: T) => object,
): { topic: string; partitions: object[] }[] {
  const topics = new Map<string, object[]>();
  for (const item of items) {
    const partitions = topics.get(item.topic) ?? [];
    partitions.push(encode(item));
    topics.set(item.topic, partitions);
  }
  return Array.from(topics, ([topic, partitions]) => ({ topic, partitions }));
}

function inOrder<Answer extends PartitionId>(
  asked: readonly PartitionId[],
  answers: readonly Answer[],
): Answers<Answer> {
  const topics = new Map<string, Map<number, Answer>>();
  for (const answer of answers) {
    const partitions = topics.get(answer.topic) ?? new Map<number, Answer>();
    partitions.set(answer.partition, answer);
    topics.set(answer.topic, partitions);
  }
  return asked.map(({ topic, partition }) => topics.get(topic)?.get(partition));
}
