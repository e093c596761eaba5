import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import {
  encodeRecord,
  installRecordEncoder,
} from '../../../../../src/infrastructure/kafka/kafkajs/record-encoder.js';
import { SEED, SeededRandom } from '../../../../support/seeded-random.js';

const MODULE = 'kafkajs/src/protocol/recordBatch/record/v0';
const require = createRequire(import.meta.url);
const original = require(MODULE) as typeof encodeRecord;

type KafkaRecord = Parameters<typeof encodeRecord>[0];

const random = new SeededRandom(SEED);

function randomText(): string {
  const alphabet = ['a', 'é', '漢', '😀', '\ud800', '\u0000'];
  return Array.from({ length: random.int(0, 200) }, () => random.pick(alphabet)).join('');
}

function randomField(): Buffer | string {
  return random.oneIn(2) ? random.bytes(random.int(0, 300)) : randomText();
}

function randomValue(): Buffer | string | null {
  if (random.oneIn(9)) return null;
  return random.oneIn(30) ? random.bytes(70_000) : randomField();
}

function randomRecord(): KafkaRecord {
  const headers = Array.from({ length: random.int(0, 20) }, (_, i) => [
    random.oneIn(2) ? `header-${i}` : randomText() + i,
    randomField(),
  ]);
  return {
    offsetDelta: random.int(0, 100_000),
    timestampDelta: random.oneIn(2) ? 0 : random.int(-5000, 2_000_000),
    key: random.oneIn(4) ? null : randomField(),
    value: randomValue(),
    headers: Object.fromEntries(headers) as Record<string, string>,
  };
}

describe('encodeRecord', () => {
  it(`writes kafkajs's bytes for 500 random records (repeat with TEST_SEED=${SEED})`, () => {
    for (let i = 0; i < 500; i++) {
      const record = randomRecord();
      expect(encodeRecord(record).buffer.equals(original(record).buffer)).toBe(true);
    }
  });

  it.each<[string, Partial<KafkaRecord>]>([
    ['without key and value', { key: null, value: null }],
    ['without headers', { headers: {} }],
    ['with an empty header', { headers: { '': '' } }],
    ['with half a surrogate pair', { key: '\ud800', headers: { ce_subject: '\udfff' } }],
    ['with a value of 2 MiB', { value: Buffer.alloc(2 ** 21) }],
  ])("writes kafkajs's bytes for a record %s", (_, fields) => {
    const record = { offsetDelta: 0, timestampDelta: 0, key: 'k', value: 'v', ...fields };
    const expected = original({ headers: {}, ...record });
    expect(encodeRecord(record).buffer.equals(expected.buffer)).toBe(true);
    expect(Buffer.isBuffer(encodeRecord(record).buf)).toBe(true);
  });
});

describe('installRecordEncoder', () => {
  it("replaces kafkajs's encoder", () => {
    installRecordEncoder();
    expect(require(MODULE)).toBe(encodeRecord);
  });
});
