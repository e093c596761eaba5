import { gunzipSync } from 'node:zlib';
import { RECORD_HEADERS } from '../../events/record-headers.js';
import { dedupeKey, jobEndKey } from '../dedupe-key.js';

/*
 * The topic history needs four headers of a record. kafkajs decodes whole records into objects,
 * which costs 24 µs of CPU for one with twelve headers; this scan reads the bytes in place.
 */

/** Gets each dedupe key of a record, and its time, Unix ms. The record of a job's end has two keys. */
export type Found = (key: string, timestampMs: number) => void;

const ID = Buffer.from(RECORD_HEADERS.webhookId);
const SCOPE = Buffer.from(RECORD_HEADERS.scope);
const BODY_HASH = Buffer.from(RECORD_HEADERS.bodyHash);
const END_ID = Buffer.from(RECORD_HEADERS.endId);

/** Bytes of a batch up to the end of its length field. */
const LENGTH_END = 12;
const HEAD_BYTES = 61;
const MAGIC = 2;
const GZIP = 1;
const LOG_APPEND_TIME = 0x08;
const CONTROL = 0x20;

/**
 * Scans the record batches of a fetch response.
 *
 * @param from the requested offset.
 * @returns the next offset to request. A truncated batch at the end is not scanned.
 * @throws {Error} for an unknown record format or compression.
 * @see https://kafka.apache.org/documentation/#recordbatch
 */
export function scanBatches(bytes: Buffer, from: number, found: Found): number {
  let next = from;
  for (let at = 0; at + HEAD_BYTES <= bytes.length;) {
    const end = at + LENGTH_END + bytes.readInt32BE(at + 8);
    if (end > bytes.length) break;
    const batch = bytes.subarray(at, end);
    const lastOffset = Number(batch.readBigInt64BE(0)) + batch.readInt32BE(23);
    if (lastOffset >= from) {
      scanBatch(batch, found);
      next = lastOffset + 1;
    }
    at = end;
  }
  return next;
}

function scanBatch(batch: Buffer, found: Found): void {
  const magic = batch.readInt8(16);
  if (magic !== MAGIC) throw new Error(`record format ${magic} is not supported`);
  const attributes = batch.readInt16BE(21);
  if (attributes & CONTROL) return;
  const base = Number(batch.readBigInt64BE(27));
  const appended =
    attributes & LOG_APPEND_TIME ? Number(batch.readBigInt64BE(35)) : undefined;
  const cursor = new Cursor(recordsOf(batch, attributes & 7));
  for (let left = batch.readInt32BE(57); left > 0; left--) {
    scanRecord(cursor, base, appended, found);
  }
}

function recordsOf(batch: Buffer, compression: number): Buffer {
  const records = batch.subarray(HEAD_BYTES);
  if (compression === 0) return records;
  if (compression === GZIP) return gunzipSync(records);
  throw new Error(
    `a topic's compression.type recompresses records with codec ${compression}, which the bridge cannot read: set compression.type to producer`,
  );
}

function scanRecord(
  cursor: Cursor,
  base: number,
  appended: number | undefined,
  found: Found,
): void {
  const end = cursor.varInt() + cursor.at;
  cursor.at++; // attributes: none are defined
  const timestamp = appended ?? base + cursor.varInt();
  if (appended !== undefined) cursor.varInt();
  cursor.varInt(); // offset
  cursor.skipBytes(); // key
  cursor.skipBytes(); // value
  let id: string | undefined;
  let scope: string | undefined;
  let bodyHash: string | undefined;
  let endId: string | undefined;
  for (let headers = cursor.varInt(); headers > 0; headers--) {
    const name = cursor.at;
    cursor.skipBytes();
    if (cursor.isAt(name, ID)) id = cursor.text();
    else if (cursor.isAt(name, SCOPE)) scope = cursor.text();
    else if (cursor.isAt(name, BODY_HASH)) bodyHash = cursor.text();
    else if (cursor.isAt(name, END_ID)) endId = cursor.text();
    else cursor.skipBytes();
  }
  cursor.at = end;
  if (endId !== undefined) found(jobEndKey(endId), timestamp);
  if (id === undefined || scope === undefined) return;
  found(dedupeKey(scope, id, bodyHash), timestamp);
}

/** Reads Kafka's zigzag integers and byte strings one after the other. */
class Cursor {
  at = 0;

  constructor(private readonly bytes: Buffer) {}

  /** A varint or varlong. Values above 2^53 lose precision. */
  varInt(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new Error('a record is truncated within its batch');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      factor *= 128;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  skipBytes(): void {
    const length = this.varInt();
    if (length > 0) this.at += length;
  }

  text(): string {
    const length = this.varInt();
    const start = this.at;
    if (length > 0) this.at += length;
    return this.bytes.toString('utf8', start, this.at);
  }

  /** True when the byte string at `start` equals `name`, which has at most 63 bytes. */
  isAt(start: number, name: Buffer): boolean {
    if (this.bytes[start] !== name.length * 2) return false;
    return name.compare(this.bytes, start + 1, start + 1 + name.length) === 0;
  }
}
