import { createRequire } from 'node:module';
import { afterEach, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../../../src/config/load-config.js';
import { kafkaClient } from '../../../../../src/infrastructure/kafka/kafka-client.js';
import { installKafkajsPatches } from '../../../../../src/infrastructure/kafka/kafkajs/install-patches.js';
import { KAFKAJS_VERSION } from '../../../../../src/infrastructure/kafka/kafkajs/internals.js';
import { encodeRecord } from '../../../../../src/infrastructure/kafka/kafkajs/record-encoder.js';

const require = createRequire(import.meta.url);
const kafkajs = require('kafkajs/package.json') as { version: string };
const bridge = require('../../../../../package.json') as {
  dependencies: Record<string, string>;
};

const CONFIG = loadConfig({
  KAFKA_BROKERS: '127.0.0.1:1',
  WEBHOOK_SECRETS: `whsec_${'A'.repeat(43)}=`,
  API_AUTH: 'none',
});

/** The functions of kafkajs in the places that are patched. */
function patchedPlaces(): unknown[] {
  const { prototype: connection } = require('kafkajs/src/network/connection');
  const { prototype: broker } = require('kafkajs/src/broker');
  const encoder: unknown = require('kafkajs/src/protocol/recordBatch/record/v0');
  return [connection.connect, broker.produce, encoder];
}

describe('the version of kafkajs', () => {
  afterEach(() => {
    kafkajs.version = KAFKAJS_VERSION;
  });

  it('is pinned in package.json to the one that the patches are made for', () => {
    expect(bridge.dependencies['kafkajs']).toBe(KAFKAJS_VERSION);
  });

  it.each(['2.2.3', '2.2.5', '2.3.0-beta.2', '3.0.0'])(
    'is refused when it is %s: no client is made, and the error names the remedy',
    (version) => {
      const before = patchedPlaces();
      kafkajs.version = version;
      expect(() => kafkaClient(CONFIG.kafka, 1000)).toThrow(
        `kafkajs ${version} is installed, but the bridge patches inner modules of kafkajs 2.2.4 ` +
          'and starts with no other version; install 2.2.4 (npm ci)',
      );
      expect(patchedPlaces()).toEqual(before);
    },
  );
});

describe('installKafkajsPatches', () => {
  it('patches all places once, however many clients are made', () => {
    const before = patchedPlaces();
    kafkaClient(CONFIG.kafka, 1000);
    const patched = patchedPlaces();
    for (const [i, place] of patched.entries()) expect(place).not.toBe(before[i]);
    expect(patched[2]).toBe(encodeRecord);
    installKafkajsPatches();
    kafkaClient(CONFIG.kafka, 1000);
    expect(patchedPlaces()).toEqual(patched);
  });
});
