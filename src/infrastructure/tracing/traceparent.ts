import { randomFillSync } from 'node:crypto';

const TRACE_BYTES = 16;
const SPAN_BYTES = 8;
/** Random bytes for many traces: one large request costs less than many small ones. */
const pool = Buffer.alloc((TRACE_BYTES + SPAN_BYTES) * 128);
let used = pool.length;

/**
 * The traceparent of a new trace.
 *
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function newTraceparent(): string {
  return `00-${randomHex(TRACE_BYTES)}-${randomHex(SPAN_BYTES)}-01`;
}

/** The traceparent of a new span in the same trace. */
export function childOf(traceparent: string): string {
  return `${traceparent.slice(0, 36)}${randomHex(SPAN_BYTES)}${traceparent.slice(52)}`;
}

export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
  /** 1 when the caller records the trace. */
  readonly flags: number;
}

/** Undefined for text that is no traceparent of version 00. */
export function parseTraceparent(text: string | undefined): TraceIds | undefined {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(text ?? '');
  const [, traceId = '', spanId = '', flags = ''] = match ?? [];
  if (!/[1-9a-f]/.test(traceId) || !/[1-9a-f]/.test(spanId)) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
