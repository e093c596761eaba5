import { childOf, newTraceparent } from './traceparent.js';

export type SpanKind = 'server' | 'client' | 'producer' | 'internal';

export interface SpanOptions {
  /** The traceparent of the parent span; without it a new trace begins. */
  readonly parent?: string | undefined;
  readonly kind?: SpanKind;
  /** On the clock of `performance.now()`, in ms; now when absent. */
  readonly startedAt?: number;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A timed operation in a trace. */
export interface Span {
  /** The traceparent for child spans, here or in another process. */
  readonly traceparent: string;
  /**
   * Ends the span. Later calls change nothing.
   *
   * @param error only its name is recorded, because a message may quote a secret.
   * @param endedAt on the clock of `performance.now()`, in ms; now when absent.
   */
  end(error?: unknown, endedAt?: number): void;
}

/** Starts spans. Abstract class: a type and an injection token in one. */
export abstract class Tracing {
  /** False when spans are only ids and are not recorded. */
  abstract readonly isOn: boolean;
  abstract start(name: string, options?: SpanOptions): Span;
}

/** Tracing is off: the trace goes on from the caller to the record, but no span is recorded. */
export class IdsOnly extends Tracing {
  override readonly isOn = false;

  override start(_name: string, { parent }: SpanOptions = {}): Span {
    const traceparent = parent === undefined ? newTraceparent() : childOf(parent);
    return { traceparent, end: () => undefined };
  }
}

/** Runs `work` and ends the span with its result. */
export async function traced<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    span.end();
    return result;
  } catch (error) {
    span.end(error);
    throw error;
  }
}
