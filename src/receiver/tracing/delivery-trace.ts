import type { Span, Tracing } from '../../infrastructure/tracing/tracing.js';

/**
 * The trace of a verified delivery: verify, claim, publish (by the publisher) and confirm within one
 * span. It begins late, with what has been measured by then, because only once the job is known it
 * is known which trace goes on: that of the submission. An unverified request has none, or anybody
 * could fill the collector. A `traceparent` that came with the delivery is not signed and proves
 * nothing.
 */
export class DeliveryTrace {
  private readonly verifiedAt = performance.now();
  private whole: Span | undefined;
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

  /** What ties the log to the record. */
  get traceId(): string {
    return this.traceparent.slice(3, 35);
  }

  /** For the record, which is published within this delivery. */
  get traceparent(): string {
    return this.span.traceparent;
  }

  claiming(): void {
    this.claimingAt = performance.now();
  }

  claimed(): void {
    this.claimedAt = performance.now();
  }

  /** @param parent the submission's, where the delivery is about a job of ours. */
  continue(parent: string | undefined): void {
    this.whole ??= this.begun(parent);
  }

  /** @param work after which the event is on Kafka, and all that follows from that is done. */
  handling<T>(work: Promise<T>): Promise<T> {
    if (!this.tracing.isOn) return work; // as it is: each delivery passes here
    return work.then((result) => {
      this.handledAt = performance.now();
      return result;
    });
  }

  /** The answer is given; the publication may go on. */
  answered(error?: unknown): void {
    if (!this.tracing.isOn || this.isAnswered) return;
    this.isAnswered = true;
    const now = performance.now();
    const { claimingAt, claimedAt = now, handledAt } = this;
    this.stage('verify', this.arrivedAt, this.verifiedAt);
    if (claimingAt !== undefined) this.stage('claim', claimingAt, claimedAt);
    if (handledAt !== undefined) this.stage('confirm', handledAt, now);
    this.span.end(error, now);
  }

  private get span(): Span {
    return (this.whole ??= this.begun());
  }

  private begun(parent?: string): Span {
    return this.tracing.start('delivery', {
      parent,
      kind: 'server',
      startedAt: this.arrivedAt,
      attributes: this.attributes,
    });
  }

  private stage(name: string, startedAt: number, endedAt: number): void {
    const { traceparent: parent } = this.span;
    this.tracing.start(name, { parent, startedAt }).end(undefined, endedAt);
  }
}
