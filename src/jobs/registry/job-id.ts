import { randomBytes } from 'node:crypto';

/** The counter has 12 bits. */
const MAX_COUNT = 0xfff;

let lastMs = 0;
let count = 0;

/**
 * A UUID of version 7. Ids of one process sort by creation, with a counter within a millisecond,
 * so that a list of jobs can continue behind any of them.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9562#name-monotonicity-and-counters
 */
export function newJobId(nowMs = Date.now()): string {
  count = nowMs > lastMs ? 0 : count + 1;
  lastMs = Math.max(lastMs, nowMs);
  if (count > MAX_COUNT) {
    lastMs++;
    count = 0;
  }
  const bytes = randomBytes(16);
  bytes.writeUIntBE(lastMs, 0, 6);
  bytes.writeUInt16BE(0x7000 | count, 6);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  const hex = bytes.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}

/** Time of creation in an id of `newJobId`, Unix ms. */
export function creationTimeOf(jobId: string): number {
  return Number.parseInt(jobId.slice(0, 13).replace('-', ''), 16);
}
