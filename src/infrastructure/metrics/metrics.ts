import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { VERSION } from '../process/version.js';

const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10];
/** Buckets for steps that take well under a millisecond for most deliveries. */
const STEP_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 4];

/** The owner of a JWKS endpoint. */
export type KeySource = 'google' | 'issuer';

interface ObservedKeys {
  readonly ageSeconds: number;
  readonly isFailing: boolean;
}

/** The metrics of the bridge. The values of all labels come from closed sets. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  readonly accepted = this.counter(
    'accepted_total',
    'Events on Kafka, by topic',
    'topic',
  );
  readonly deadLetters = this.counter(
    'dead_letters_total',
    'Verified deliveries that are not a known event, on the dead letter topic',
    'reason',
  );
  readonly reconciled = this.counter(
    'reconciled_total',
    'Events of jobs that no webhook delivered, published after polling Gemini',
    'kind',
  );
  readonly duplicates = this.counter(
    'duplicates_total',
    'Duplicates answered without publishing',
  );
  readonly refusals = this.counter('refusals_total', 'Answers other than 2xx', 'reason');
  readonly apiRefusals = this.counter(
    'api_refusals_total',
    'Calls of the internal API that access control refused',
    'reason',
  );
  readonly publishFailures = this.counter(
    'publish_failures_total',
    'Records that were not published',
    'fault',
  );
  readonly unclaimed = this.counter(
    'dedupe_errors_total',
    'Calls that the dedupe store did not answer',
    'call',
  );
  readonly evicted = this.counter(
    'dedupe_evicted_total',
    'Ids forgotten early because DEDUPE_MEMORY_MAX was reached',
  );
  readonly logRead = this.counter(
    'log_read_total',
    'Records read from the topics: from before the start, or of other replicas',
  );
  readonly late = this.counter(
    'published_late_total',
    'Events that reached Kafka after their delivery was answered 503',
  );

  readonly arrivalAgeSeconds = this.histogram(
    'arrival_age_seconds',
    'From webhook-timestamp to the arrival of a verified delivery',
    [1, 2, 5, 10, 30, 60, 120, 300],
  );
  readonly verifySeconds = this.histogram(
    'verify_seconds',
    'From the arrival to the verified signature, including the reading of the body',
    STEP_SECONDS,
  );
  readonly claimSeconds = this.histogram(
    'claim_seconds',
    'Duration of the claim in the dedupe store',
    STEP_SECONDS,
  );
  readonly confirmSeconds = this.histogram(
    'confirm_seconds',
    'Duration of the confirmation in the dedupe store',
    STEP_SECONDS,
  );
  readonly answerSeconds = this.histogram(
    'answer_seconds',
    'From the arrival to the answer, by the kind of answer',
    SECONDS,
    'outcome',
  );
  readonly publishSeconds = this.histogram(
    'publish_seconds',
    'From the queue to the acknowledgement of all in-sync replicas',
    SECONDS,
  );
  readonly batchRecords = this.histogram(
    'batch_records',
    'Records in a produce request',
    [1, 2, 5, 10, 20, 50, 100, 200, 500],
  );
  readonly eventAgeSeconds = this.histogram(
    'event_age_seconds',
    "From the event's own timestamp to the acknowledgement",
    [0.1, 0.5, 1, 5, 30, 60, 300, 3600, 21_600, 86_400],
  );

  private readonly keys = new Map<KeySource, ObservedKeys>();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.observeEach(
      'build_info',
      'Always 1; the version is a label',
      ['version'],
      () => [[{ version: VERSION }, 1]],
    );
    this.observeEach(
      'jwks_age_seconds',
      'Time since the keys of a JWKS endpoint were read; -1 for never',
      ['source'],
      () => this.ofKeys(({ ageSeconds }) => ageSeconds),
    );
    this.observeEach(
      'jwks_failing',
      '1 while the last read of a JWKS endpoint failed',
      ['source'],
      () => this.ofKeys(({ isFailing }) => Number(isFailing)),
    );
  }

  observeKeys(source: KeySource, keys: ObservedKeys): void {
    this.keys.set(source, keys);
  }

  /**
   * Observes a delivery that was verified just now. The age is never negative, although the
   * sender's clock may be ahead.
   *
   * @param timestamp Unix seconds, as signed.
   * @param arrivedAt on the clock of `performance.now()`, in ms.
   */
  verified(timestamp: string, arrivedAt: number): void {
    const tookSeconds = (performance.now() - arrivedAt) / 1000;
    const ageSeconds = Math.floor(Date.now() / 1000 - tookSeconds) - Number(timestamp);
    this.arrivalAgeSeconds.observe(Math.max(0, ageSeconds));
    this.verifySeconds.observe(tookSeconds);
  }

  /**
   * Creates the series of a closed set of label values with the value 0. `rate()` and
   * `increase()` ignore the first value of a new series, so after each restart alerts would miss
   * the first event of each kind.
   */
  zeroSeries<Label extends string>(
    counter: Counter<Label>,
    label: Label,
    values: Iterable<string>,
  ): void {
    for (const value of values) counter.labels({ [label]: value } as never).inc(0);
  }

  /** Adds a gauge whose value is read at each scrape. */
  observe(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name: `gemini_bridge_${name}`,
      help,
      registers: [this.registry],
      collect: () => gauge.set(read()),
    });
  }

  /** Adds a gauge with labels. Its series are read anew at each scrape. */
  observeEach<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    read: () => readonly (readonly [Record<Label, string>, number])[],
  ): void {
    const gauge: Gauge<Label> = new Gauge({
      name: `gemini_bridge_${name}`,
      help,
      labelNames,
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        for (const [labels, value] of read()) gauge.set(labels, value);
      },
    });
  }

  private ofKeys(
    read: (keys: ObservedKeys) => number,
  ): (readonly [{ source: string }, number])[] {
    return Array.from(this.keys, ([source, keys]) => [{ source }, read(keys)] as const);
  }

  private counter<Label extends string>(
    name: string,
    help: string,
    ...labelNames: Label[]
  ) {
    return new Counter({
      name: `gemini_bridge_${name}`,
      help,
      labelNames,
      registers: [this.registry],
    });
  }

  private histogram<Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    ...labelNames: Label[]
  ) {
    return new Histogram({
      name: `gemini_bridge_${name}`,
      help,
      labelNames,
      buckets,
      registers: [this.registry],
    });
  }
}
