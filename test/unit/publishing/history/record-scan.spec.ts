import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { scanBatches } from '../../../../src/publishing/history/record-scan.js';
import { encodeRecord } from '../../../../src/infrastructure/kafka/kafkajs/record-encoder.js';

const NOW = 1_795_000_000_000;

interface Written {
  readonly headers?: Record<string, string>;
  readonly value?: Buffer | string | null;
  readonly key?: string | null;
  /** After the batch's first, in ms. */
  readonly later?: number;
}

const require = createRequire(import.meta.url);
const recordBatch = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch(options: object): Promise<{ buffer: Buffer }>;
};

/** As kafkajs writes it; `patch` makes of it what a broker or another client may. */
async function batch(
  baseOffset: number,
  records: readonly Written[],
  patch: (bytes: Buffer) => void = () => undefined,
): Promise<Buffer> {
  const encoded = records.map(
    ({ headers = {}, value = 'v', key = 'k', later = 0 }, offsetDelta) =>
      encodeRecord({ offsetDelta, timestampDelta: later, key, value, headers }),
  );
  const { buffer } = await recordBatch.RecordBatch({
    firstTimestamp: NOW,
    maxTimestamp: NOW + Math.max(...records.map(({ later = 0 }) => later)),
    lastOffsetDelta: records.length - 1,
    records: encoded,
  });
  buffer.writeBigInt64BE(BigInt(baseOffset), 0);
  patch(buffer);
  return buffer;
}

const delivery = (id: string, scope = 'static'): Written => ({
  headers: { ce_id: id, 'webhook-id': id, 'bridge-scope': scope, 'content-type': 'x' },
});

function scan(bytes: Buffer, from = 0) {
  const found: [string, number][] = [];
  const next = scanBatches(bytes, from, (key, at) => found.push([key, at - NOW]));
  return { next, found };
}

describe('scanBatches', () => {
  it('finds key and time of each delivery', async () => {
    const bytes = await batch(7, [
      delivery('msg_1'),
      { ...delivery('msg_2', 'jobs/j'), value: null, key: null, later: 5 },
      {
        ...delivery('msg_3'),
        value: Buffer.alloc(70_000, 'webhook-id'),
        later: 2_000_000_000,
      },
      { ...delivery('msg_ü😀'), later: -3 },
    ]);
    expect(scan(bytes)).toEqual({
      next: 11,
      found: [
        ['static:msg_1', 0],
        ['jobs/j:msg_2', 5],
        ['static:msg_3', 2_000_000_000],
        ['static:msg_ü😀', -3],
      ],
    });
  });

  it('adds the hash of an unbound body to the key', async () => {
    const headers = { ...delivery('msg_1', 'jobs/j').headers, 'bridge-body-sha256': 'h' };
    expect(scan(await batch(0, [{ headers }])).found).toEqual([['jobs/j:msg_1:h', 0]]);
  });

  it('skips records that are no deliveries', async () => {
    const bytes = await batch(0, [
      {},
      { headers: { 'webhook-id': 'msg_1' } },
      { headers: { 'bridge-scope': 'static', 'webhook-ix': 'a', 'xridge-scope': 'b' } },
    ]);
    expect(scan(bytes)).toEqual({ next: 3, found: [] });
  });

  it('scans batch after batch, and requests a truncated one again', async () => {
    const first = await batch(3, [delivery('a'), delivery('b')]);
    const second = await batch(5, [delivery('c')]);
    const whole = Buffer.concat([first, second]);
    expect(scan(whole).found.map(([key]) => key)).toEqual([
      'static:a',
      'static:b',
      'static:c',
    ]);
    for (const bytes of [1, 30, 62, second.length - 1]) {
      const cut = whole.subarray(0, first.length + bytes);
      expect(scan(cut)).toMatchObject({
        next: 5,
        found: [
          ['static:a', 0],
          ['static:b', 0],
        ],
      });
    }
    expect(scan(Buffer.alloc(0), 9)).toEqual({ next: 9, found: [] });
  });

  it('never returns an offset below the requested one', async () => {
    const bytes = await batch(3, [delivery('a'), delivery('b')]);
    expect(scan(bytes, 4).next).toBe(5);
    expect(scan(bytes, 5)).toEqual({ next: 5, found: [] });
  });

  it('takes the time of the broker if the topic has LogAppendTime', async () => {
    const bytes = await batch(0, [{ ...delivery('a'), later: 1 }], (head) => {
      head.writeInt16BE(0x08, 21);
      head.writeBigInt64BE(BigInt(NOW + 77), 35);
    });
    expect(scan(bytes).found).toEqual([['static:a', 77]]);
  });

  it('skips the markers of a transaction', async () => {
    const bytes = await batch(0, [delivery('a')], (head) => head.writeInt16BE(0x20, 21));
    expect(scan(bytes)).toEqual({ next: 1, found: [] });
  });

  it('decompresses gzip, and names the setting for other codecs', async () => {
    const plain = await batch(0, [delivery('a'), delivery('b')]);
    const packed = gzipSync(plain.subarray(61));
    const bytes = Buffer.concat([plain.subarray(0, 61), packed]);
    bytes.writeInt32BE(bytes.length - 12, 8);
    bytes.writeInt16BE(1, 21);
    expect(scan(bytes)).toMatchObject({
      next: 2,
      found: [
        ['static:a', 0],
        ['static:b', 0],
      ],
    });
    bytes.writeInt16BE(4, 21);
    expect(() => scan(bytes)).toThrow(/compression\.type/);
  });

  it('refuses an unknown format, and a truncated record', async () => {
    const old = await batch(0, [delivery('a')], (head) => head.writeInt8(1, 16));
    expect(() => scan(old)).toThrow('record format 1');
    const broken = await batch(0, [delivery('a')], (head) => head.writeInt32BE(9, 57));
    expect(() => scan(broken)).toThrow(/truncated within its batch/);
  });
});
