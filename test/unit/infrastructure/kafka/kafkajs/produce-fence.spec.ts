import { createRequire } from 'node:module';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  installProduceFence,
  type ProduceFence,
} from '../../../../../src/infrastructure/kafka/kafkajs/produce-fence.js';

const require = createRequire(import.meta.url);
const Broker = require('kafkajs/src/broker') as {
  prototype: {
    isConnected: () => boolean;
    connect: () => Promise<void>;
    produce: (request: object) => Promise<unknown>;
  };
};

const steps: string[] = [];

/** A broker of kafkajs that notes its calls and fails where kafkajs encodes the request. */
function broker({ isConnected = true } = {}): typeof Broker.prototype {
  return Object.assign(Object.create(Broker.prototype) as typeof Broker.prototype, {
    isConnected: () => isConnected,
    connect: async () => void steps.push('connect'),
    lookupRequest: () => {
      steps.push('send');
      throw new Error('the fake broker sends nothing');
    },
  });
}

/** A fence that notes its calls under a name. */
function fence(name: string, refusal?: Error): ProduceFence {
  return {
    assertMaySend: () => {
      steps.push(`${name} asked`);
      if (refusal) throw refusal;
    },
    markSent: () => void steps.push(`${name} sent`),
  };
}

/** A request with one partition for each argument, whose messages have these fences. */
function requestOf(...partitions: (ProduceFence | undefined)[][]): object {
  return {
    topicData: partitions.map((fences) => ({
      partitions: [{ messages: fences.map((each) => ({ value: 'v', fence: each })) }],
    })),
  };
}

describe('the produce fence', () => {
  beforeAll(() => {
    installProduceFence();
  });

  it('asks each fence once, after the connection is made and before the request is sent', async () => {
    steps.length = 0;
    const [a, b] = [fence('a'), fence('b')];
    const sent = broker({ isConnected: false }).produce(requestOf([a, a], [b]));
    await expect(sent).rejects.toThrow('sends nothing');
    expect(steps).toEqual(['connect', 'a asked', 'b asked', 'a sent', 'b sent', 'send']);
  });

  it('sends nothing of a request, and marks nothing as sent, when one fence refuses', async () => {
    steps.length = 0;
    const refusal = new Error('refused');
    const sent = broker().produce(requestOf([fence('a')], [fence('b', refusal)]));
    await expect(sent).rejects.toBe(refusal);
    expect(steps).toEqual(['a asked', 'b asked']);
  });

  it('sends messages that have no fence', async () => {
    steps.length = 0;
    await expect(broker().produce(requestOf([undefined]))).rejects.toThrow();
    expect(steps).toEqual(['send']);
  });
});
