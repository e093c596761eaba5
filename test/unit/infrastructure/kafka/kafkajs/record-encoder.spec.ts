import { randomBytes, randomInt } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import {
  encodeRecord,
  installRecordEncoder,
} from '../../../../../src/infrastructure/kafka/kafkajs/record-encoder.js';

const MODULE = 'kafkajs/src/protocol/recordBatch/record/v0';
const require = createRequire(import.meta.url);
const original = require(MODULE) as typeof encodeRecord;

type KafkaRecord = Parameters<typeof encodeRecord>[0];

function randomText(): string {
  const alphabet = ['a', 'é', '漢', '😀', '\ud800', '\u0000'];
  return Array.from({ length: randomInt(200) }, () => alphabet[randomInt(6)]).join('');
}

function randomField(): Buffer | string {
  return randomInt(2) === 0 ? randomBytes(randomInt(300)) : randomText();
}

function randomRecord(): KafkaRecord {
  const headers = Array.from({ length: randomInt(20) }, (_, i) => [
    randomInt(2) === 0 ? `header-${i}` : randomText() + i,
    randomField(),
  ]);
  return {
    offsetDelta: randomInt(100_000),
    timestampDelta: randomInt(2) === 0 ? 0 : randomInt(-5000, 2_000_000),
    key: randomInt(4) === 0 ? null : randomField(),
    value:
      randomInt(9) === 0
        ? null
        : randomInt(9) === 0
          ? randomBytes(70_000)
          : randomField(),
    headers: Object.fromEntries(headers) as Record<string, string>,
  };
}

describe('encodeRecord', () => {
  it('writes the bytes that kafkajs writes, for random records', () => {
    for (let i = 0; i < 500; i++) {
      const record = randomRecord();
      expect(encodeRecord(record).buffer.equals(original(record).buffer)).toBe(true);
    }
  });

  it.each<[string, Partial<KafkaRecord>]>([
    ['nothing in it', { key: null, value: null }],
    ['no headers', { headers: {} }],
    ['an empty header', { headers: { '': '' } }],
    ['half a character', { key: '\ud800', headers: { ce_subject: '\udfff' } }],
    ['a large value', { value: Buffer.alloc(2 ** 21) }],
  ])('does so with %s', (_, fields) => {
    const record = { offsetDelta: 0, timestampDelta: 0, key: 'k', value: 'v', ...fields };
    const theirs = original({ headers: {}, ...record });
    expect(encodeRecord(record).buffer.equals(theirs.buffer)).toBe(true);
    expect(Buffer.isBuffer(encodeRecord(record).buf)).toBe(true);
  });
});

describe('installRecordEncoder', () => {
  it('takes the place of the module of the pinned kafkajs, also a second time', () => {
    expect(installRecordEncoder()).toBe(true);
    expect(require(MODULE)).toBe(encodeRecord);
    expect(installRecordEncoder()).toBe(true);
  });
});
