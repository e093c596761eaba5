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

/**
 * One record of the v2 format, length first.
 *
 * @see https://kafka.apache.org/documentation/#record
 */
export function encodeRecord(record: KafkaRecord): Encoded {
  const names = Object.keys(record.headers ?? {});
  const values = names.map((name) => record.headers?.[name] ?? '');
  const size =
    1 +
    varIntSize(zigZag(record.timestampDelta)) +
    varIntSize(zigZag(record.offsetDelta)) +
    bytesSize(record.key) +
    bytesSize(record.value) +
    varIntSize(zigZag(names.length)) +
    names.reduce((sum, name, i) => sum + bytesSize(name) + bytesSize(values[i] ?? ''), 0);
  const length = zigZag(size);
  const buffer = Buffer.allocUnsafe(varIntSize(length) + size);
  let at = writeVarInt(buffer, 0, length);
  buffer[at++] = 0; // attributes: none are defined
  at = writeVarInt(buffer, at, zigZag(record.timestampDelta));
  at = writeVarInt(buffer, at, zigZag(record.offsetDelta));
  at = writeBytes(buffer, at, record.key);
  at = writeBytes(buffer, at, record.value);
  at = writeVarInt(buffer, at, zigZag(names.length));
  for (let i = 0; i < names.length; i++) {
    at = writeBytes(buffer, at, names[i] ?? '');
    at = writeBytes(buffer, at, values[i] ?? '');
  }
  return { buf: buffer, buffer };
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

function bytesSize(value: Buffer | string | null): number {
  if (value === null) return 1;
  const length = typeof value === 'string' ? Buffer.byteLength(value) : value.length;
  return varIntSize(zigZag(length)) + length;
}

function writeVarInt(buffer: Buffer, at: number, value: number): number {
  while (value >= 0x80) {
    buffer[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  buffer[at++] = value;
  return at;
}

function writeBytes(buffer: Buffer, at: number, value: Buffer | string | null): number {
  if (value === null) return writeVarInt(buffer, at, zigZag(-1));
  if (typeof value !== 'string') {
    at = writeVarInt(buffer, at, zigZag(value.length));
    return at + value.copy(buffer, at);
  }
  const length = Buffer.byteLength(value);
  at = writeVarInt(buffer, at, zigZag(length));
  return at + buffer.write(value, at, length === value.length ? 'latin1' : 'utf8');
}
