import { childOf, newTraceparent } from './traceparent.js';

export type SpanKind = 'server' | 'client' | 'producer' | 'internal';

export interface SpanOptions {
  /** What it is a part of; without, a trace begins. */
  readonly parent?: string | undefined;
  readonly kind?: SpanKind;
  /** On the clock of `performance.now()`, in ms; now when absent. */
  readonly startedAt?: number;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Something that takes time, in a trace. */
export interface Span {
  /** For whoever goes on with the trace. */
  readonly traceparent: string;
  /**
   * The first call counts.
   *
   * @param error of which only the name is told: a message may quote what must not get out.
   * @param endedAt on the clock of `performance.now()`, in ms; now when absent.
   */
  end(error?: unknown, endedAt?: number): void;
}

/** Where spans go. Abstract class: a type and an injection token in one. */
export abstract class Tracing {
  /** False: spans are nothing but their ids. */
  abstract readonly isOn: boolean;
  abstract start(name: string, options?: SpanOptions): Span;
}

/** Off: traces go on from the caller to the record, and nobody records them. */
export class IdsOnly extends Tracing {
  override readonly isOn = false;

  override start(_name: string, { parent }: SpanOptions = {}): Span {
    const traceparent = parent === undefined ? newTraceparent() : childOf(parent);
    return { traceparent, end: () => undefined };
  }
}

/** Runs `work` within a span, which ends with it. */
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
