import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { installProduceFence } from '../../../../src/publishing/producer/produce-fence.js';
import { ClaimExpired } from '../../../../src/publishing/producer/routed-message.js';

const require = createRequire(import.meta.url);
const Broker = require('kafkajs/src/broker') as {
  prototype: {
    isConnected: () => boolean;
    connect: () => Promise<void>;
    produce: (request: object) => Promise<unknown>;
  };
};

/** A broker of kafkajs that notes what happens to it. */
function brokerThat(isConnected: boolean) {
  const told: string[] = [];
  const broker = Object.assign(
    Object.create(Broker.prototype) as typeof Broker.prototype,
    {
      isConnected: () => isConnected,
      connect: async () => void told.push('connect'),
      lookupRequest: () => {
        told.push('produce');
        throw new Error('as far as this test goes');
      },
    },
  );
  return { broker, told };
}

const requestHeldFor = (ms: number) => {
  const permit = { deadline: 0, askedAt: 0, heldUntil: performance.now() + ms };
  const unit = { handedOn: false };
  const request = { topicData: [{ partitions: [{ messages: [{ permit, unit }] }] }] };
  return { request, unit };
};

describe('the last look at a claim', () => {
  it('comes when there is a connection, and lets through what is held for long enough', async () => {
    installProduceFence();
    const { broker, told } = brokerThat(false);
    const { request, unit } = requestHeldFor(60_000);
    await expect(broker.produce(request)).rejects.toThrow('as far as');
    expect(unit.handedOn).toBe(true);
    expect(told).toEqual(['connect', 'produce']);
  });

  it('lets nothing through that is not, also when it was installed twice', async () => {
    installProduceFence();
    const { broker, told } = brokerThat(true);
    const { request, unit } = requestHeldFor(4000);
    await expect(broker.produce(request)).rejects.toThrow(ClaimExpired);
    expect(unit.handedOn).toBe(false);
    expect(told).toEqual([]);
  });
});
