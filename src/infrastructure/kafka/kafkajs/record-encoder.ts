import { createRequire } from 'node:module';

/*
 * kafkajs encodes a record with one 512-byte zeroed buffer for the record and one more for
 * every header. With the sixteen headers of a bridge record that is more work than the HTTP
 * request it came in: about 47 µs of CPU a record. This encoder sizes first and writes once.
 *
 * It takes the place of a module that kafkajs loads at its first produce request. kafkajs
 * is pinned for that, the bytes are tested against kafkajs's own, and where the module does
 * not have the known shape the original stays in use.
 */

/** A record as kafkajs's produce request hands it over. */
interface KafkaRecord {
  readonly offsetDelta: number;
  readonly timestampDelta: number;
  readonly key: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly headers?: Readonly<Record<string, Buffer | string>>;
}

/** What kafkajs's request encoder reads from one of its `Encoder`s. */
interface Encoded {
  readonly buf: Buffer;
  readonly buffer: Buffer;
}

type Encode = (record: KafkaRecord) => Encoded;

const MODULE = 'kafkajs/src/protocol/recordBatch/record/v0';

/** Puts `encodeRecord` in kafkajs's place. Answers whether it could. */
export function installRecordEncoder(): boolean {
  const require = createRequire(import.meta.url);
  let original: unknown;
  try {
    original = require(MODULE);
  } catch {
    return false;
  }
  const cached = require.cache[require.resolve(MODULE)];
  if (!cached || typeof original !== 'function') return false;
  if (!agrees(original as Encode)) return false;
  cached.exports = encodeRecord;
  return true;
}

/** The two must write the same bytes for a record with every field in use. */
function agrees(original: Encode): boolean {
  const probe: KafkaRecord = {
    offsetDelta: 300,
    timestampDelta: 0,
    key: Buffer.from('batches/é'),
    value: Buffer.alloc(200, 7),
    headers: { ce_id: 'msg_1', empty: '', long: 'ü'.repeat(100) },
  };
  try {
    return original(probe).buffer.equals(encodeRecord(probe).buffer);
  } catch {
    return false;
  }
}

/** Header names are a handful: their length and bytes, made once. */
const encodedNames = new Map<string, Buffer>();
const MAX_NAMES = 256;

/** Lengths of the header values of the record at hand, in bytes. */
let lengths = new Int32Array(64);

/**
 * One record of the v2 format, length first.
 *
 * @see https://kafka.apache.org/documentation/#record
 */
export function encodeRecord(record: KafkaRecord): Encoded {
  const headers = record.headers ?? {};
  const names = Object.keys(headers);
  if (names.length > lengths.length) lengths = new Int32Array(names.length * 2);
  let size =
    1 +
    varIntSize(zigZag(record.timestampDelta)) +
    varIntSize(zigZag(record.offsetDelta)) +
    bytesSize(lengthOf(record.key)) +
    bytesSize(lengthOf(record.value)) +
    varIntSize(zigZag(names.length));
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const length = lengthOf(headers[name] ?? '');
    lengths[i] = length;
    size += encodedName(name).length + bytesSize(length);
  }
  const total = zigZag(size);
  const buffer = Buffer.allocUnsafe(varIntSize(total) + size);
  let at = writeVarInt(buffer, 0, total);
  buffer[at++] = 0; // attributes: none are defined
  at = writeVarInt(buffer, at, zigZag(record.timestampDelta));
  at = writeVarInt(buffer, at, zigZag(record.offsetDelta));
  at = writeBytes(buffer, at, record.key, lengthOf(record.key));
  at = writeBytes(buffer, at, record.value, lengthOf(record.value));
  at = writeVarInt(buffer, at, zigZag(names.length));
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    at += encodedName(name).copy(buffer, at);
    at = writeBytes(buffer, at, headers[name] ?? '', lengths[i] as number);
  }
  return { buf: buffer, buffer };
}

function encodedName(name: string): Buffer {
  const known = encodedNames.get(name);
  if (known) return known;
  const length = Buffer.byteLength(name);
  const encoded = Buffer.alloc(bytesSize(length));
  writeBytes(encoded, 0, name, length);
  if (encodedNames.size < MAX_NAMES) encodedNames.set(name, encoded);
  return encoded;
}

function zigZag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

function varIntSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** In bytes; -1 for none, as the format has it. */
function lengthOf(value: Buffer | string | null): number {
  if (value === null) return -1;
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}

function bytesSize(length: number): number {
  return varIntSize(zigZag(length)) + Math.max(length, 0);
}

function writeVarInt(buffer: Buffer, at: number, value: number): number {
  while (value >= 0x80) {
    buffer[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  buffer[at++] = value;
  return at;
}

function writeBytes(
  buffer: Buffer,
  at: number,
  value: Buffer | string | null,
  length: number,
): number {
  at = writeVarInt(buffer, at, zigZag(length));
  if (value === null) return at;
  if (typeof value !== 'string') return at + value.copy(buffer, at);
  return at + buffer.write(value, at, length === value.length ? 'latin1' : 'utf8');
}
