import type { Span, Tracing } from '../tracing/tracing.js';

/**
 * The trace of a verified delivery: verify, claim, publish and confirm within one span. It begins
 * late, with what has been measured by then, because only once the job is known it is known which
 * trace goes on: that of the submission. An unverified request has none, or anybody could fill the
 * collector. A `traceparent` that came with the delivery is not signed and proves nothing.
 */
export class DeliveryTrace {
  private readonly verifiedAt = performance.now();
  private whole: Span | undefined;
  private publication: Span | undefined;
  private claim: readonly [from: number, to: number] | undefined;
  private publishedAt: number | undefined;

  /** @param arrivedAt on the clock of `performance.now()`, in ms. */
  constructor(
    private readonly tracing: Tracing,
    private readonly arrivedAt: number,
    private readonly attributes: Readonly<Record<string, string>>,
  ) {}

  /** What ties the log to the record. */
  get traceId(): string {
    return this.span.traceparent.slice(3, 35);
  }

  /** Of the publication: for the record. */
  get traceparent(): string {
    return (this.publication ?? this.span).traceparent;
  }

  /** @param askedAt when the claim was asked for, on the same clock. */
  claimed(askedAt: number): void {
    this.claim = [askedAt, performance.now()];
  }

  /** @param parent the submission's, where the delivery is about a job of ours. */
  publishing(topic: string, parent?: string): void {
    const { traceparent } = (this.whole ??= this.begun(parent));
    this.publication = this.tracing.start('publish', {
      parent: traceparent,
      kind: 'producer',
      attributes: { 'messaging.system': 'kafka', 'messaging.destination.name': topic },
    });
  }

  /** May be long after the answer. */
  published(error?: unknown): void {
    this.publishedAt = error === undefined ? performance.now() : undefined;
    this.publication?.end(error);
  }

  /** The answer is given. */
  answered(error?: unknown): void {
    if (!this.tracing.isOn) return;
    const { span } = this;
    if (this.publishedAt !== undefined) {
      this.stage('confirm', this.publishedAt, performance.now());
    }
    span.end(error);
  }

  private get span(): Span {
    return (this.whole ??= this.begun());
  }

  private begun(parent?: string): Span {
    this.whole = this.tracing.start('delivery', {
      parent,
      kind: 'server',
      startedAt: this.arrivedAt,
      attributes: this.attributes,
    });
    this.stage('verify', this.arrivedAt, this.verifiedAt);
    if (this.claim) this.stage('claim', ...this.claim);
    return this.whole;
  }

  private stage(name: string, startedAt: number, endedAt: number): void {
    if (!this.tracing.isOn) return;
    this.tracing
      .start(name, { parent: this.span.traceparent, startedAt })
      .end(undefined, endedAt);
  }
}
