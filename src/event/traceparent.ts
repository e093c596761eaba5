import { randomFillSync } from 'node:crypto';

const TRACE_BYTES = 24;
/** Random bytes for many traces at once: asking for them one by one costs more. */
const pool = Buffer.alloc(TRACE_BYTES * 128);
let used = pool.length;

/**
 * Of a trace that begins here.
 *
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function newTraceparent(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const hex = pool.toString('hex', used, used + TRACE_BYTES);
  used += TRACE_BYTES;
  return `00-${hex.slice(0, 32)}-${hex.slice(32)}-01`;
}
