import { gunzipSync } from 'node:zlib';
import { RECORD_HEADERS } from '../../events/record-headers.js';
import { dedupeKey, jobEndKey } from '../dedupe-key.js';

/*
 * Of a record only four headers are wanted. kafkajs decodes all of it into objects, at 24 µs
 * of CPU a record with twelve headers; this walks over the bytes and takes what is needed.
 */

/** Told of each record's dedupe keys, and its time, Unix ms. A record that is a job's outcome has two. */
export type Found = (key: string, timestampMs: number) => void;

const ID = Buffer.from(RECORD_HEADERS.webhookId);
const SCOPE = Buffer.from(RECORD_HEADERS.scope);
const BODY_HASH = Buffer.from(RECORD_HEADERS.bodyHash);
const OUTCOME = Buffer.from(RECORD_HEADERS.outcome);

/** Length of a batch's head up to and with its length field, in bytes. */
const LENGTH_END = 12;
const HEAD_BYTES = 61;
const MAGIC = 2;
const GZIP = 1;
const LOG_APPEND_TIME = 0x08;
const CONTROL = 0x20;

/**
 * Walks over the record batches of a fetch answer.
 *
 * @param from the offset that was asked for.
 * @returns the offset to ask for next. A batch that was cut off at the end does not count.
 * @throws {Error} for a format or compression that is not known here.
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
    `a topic's compression.type made it unreadable (codec ${compression}): use producer`,
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
  let outcome: string | undefined;
  for (let headers = cursor.varInt(); headers > 0; headers--) {
    const name = cursor.at;
    cursor.skipBytes();
    if (cursor.isAt(name, ID)) id = cursor.text();
    else if (cursor.isAt(name, SCOPE)) scope = cursor.text();
    else if (cursor.isAt(name, BODY_HASH)) bodyHash = cursor.text();
    else if (cursor.isAt(name, OUTCOME)) outcome = cursor.text();
    else cursor.skipBytes();
  }
  cursor.at = end;
  if (outcome !== undefined) found(jobEndKey(outcome), timestamp);
  if (id === undefined || scope === undefined) return;
  found(dedupeKey(scope, id, bodyHash), timestamp);
}

/** Reads Kafka's zigzag integers and byte strings, one after the other. */
class Cursor {
  at = 0;

  constructor(private readonly bytes: Buffer) {}

  /** Also for the long ones, as far as a double is exact. */
  varInt(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new Error('a record ends before its end');
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

  /** Whether the byte string that begins at `start` is this one; short ones only. */
  isAt(start: number, name: Buffer): boolean {
    if (this.bytes[start] !== name.length * 2) return false;
    return name.compare(this.bytes, start + 1, start + 1 + name.length) === 0;
  }
}
