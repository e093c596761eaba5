import type { Span, Tracing } from '../../infrastructure/tracing/tracing.js';

/**
 * The trace of a verified delivery: one span with the stages verify, claim, publish and confirm.
 * The publisher adds publish.
 *
 * The span starts late, with the times measured by then: only the matched job tells which trace it
 * continues, that of the job's submission. An unverified request gets no span, because any sender
 * could fill the collector. A `traceparent` of the request is ignored, because it is not signed.
 */
export class DeliveryTrace {
  private readonly verifiedAt = performance.now();
  private startedSpan: Span | undefined;
  private claimingAt: number | undefined;
  private claimedAt: number | undefined;
  private handledAt: number | undefined;
  private isAnswered = false;

  /** @param arrivedAt on the clock of `performance.now()`, in ms. */
  constructor(
    private readonly tracing: Tracing,
    private readonly arrivedAt: number,
    private readonly attributes: Readonly<Record<string, string>>,
  ) {}

  /** For log lines: the trace id in the record's `traceparent`. */
  get traceId(): string {
    return this.traceparent.slice(3, 35);
  }

  /** For the record. */
  get traceparent(): string {
    return this.span.traceparent;
  }

  /** The dedupe store is asked now. */
  claiming(): void {
    this.claimingAt = performance.now();
  }

  /** The dedupe store has given the claim. */
  claimed(): void {
    this.claimedAt = performance.now();
  }

  /**
   * Starts the span, unless it has started.
   *
   * @param parent `traceparent` of the job's submission; undefined begins a trace.
   */
  continue(parent: string | undefined): void {
    this.startedSpan ??= this.startSpan(parent);
  }

  /** @param work resolves when the event is on Kafka and its job's entry is updated. */
  handling<T>(work: Promise<T>): Promise<T> {
    if (!this.tracing.isOn) return work; // without another promise: each delivery passes here
    return work.then((result) => {
      this.handledAt = performance.now();
      return result;
    });
  }

  /** Ends the span with the answer. The publication may go on after it. */
  answered(error?: unknown): void {
    if (!this.tracing.isOn || this.isAnswered) return;
    this.isAnswered = true;
    const now = performance.now();
    const { claimingAt, claimedAt = now, handledAt } = this;
    this.addStage('verify', this.arrivedAt, this.verifiedAt);
    if (claimingAt !== undefined) this.addStage('claim', claimingAt, claimedAt);
    if (handledAt !== undefined) this.addStage('confirm', handledAt, now);
    this.span.end(error, now);
  }

  private get span(): Span {
    return (this.startedSpan ??= this.startSpan());
  }

  private startSpan(parent?: string): Span {
    return this.tracing.start('delivery', {
      parent,
      kind: 'server',
      startedAt: this.arrivedAt,
      attributes: this.attributes,
    });
  }

  private addStage(name: string, startedAt: number, endedAt: number): void {
    const { traceparent: parent } = this.span;
    this.tracing.start(name, { parent, startedAt }).end(undefined, endedAt);
  }
}
