import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { VERSION } from '../process/version.js';

const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10];
/** Of steps that most deliveries are through with at once. */
const STEP_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 4];

/** Who publishes keys that signatures are checked with. */
export type KeySource = 'google' | 'issuer';

interface ObservedKeys {
  readonly ageSeconds: number;
  readonly isFailing: boolean;
}

/** Everything that `/metrics` shows about deliveries. Labels come from closed sets. */
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
    'Verified deliveries that are no event of ours, on the dead letter topic',
    'reason',
  );
  readonly reconciled = this.counter(
    'reconciled_total',
    'Events of jobs that no webhook delivered, published when Gemini was asked',
    'kind',
  );
  readonly duplicates = this.counter(
    'duplicates_total',
    'Repeats answered without publishing',
  );
  readonly refusals = this.counter('refusals_total', 'Answers other than 2xx', 'reason');
  readonly apiRefusals = this.counter(
    'api_refusals_total',
    'Calls of the internal API that access control refused',
    'reason',
  );
  readonly publishFailures = this.counter(
    'publish_failures_total',
    'Records given up',
    'fault',
  );
  readonly unclaimed = this.counter(
    'dedupe_errors_total',
    'Calls that the dedupe store did not answer',
    'call',
  );
  readonly evicted = this.counter(
    'dedupe_evicted_total',
    'Ids forgotten before their time because DEDUPE_MEMORY_MAX was reached',
  );
  readonly logRead = this.counter(
    'log_read_total',
    'Deliveries read back from the topics, those of other replicas among them',
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
    'From the arrival to the proof, the reading of the body among it',
    STEP_SECONDS,
  );
  readonly claimSeconds = this.histogram(
    'claim_seconds',
    'Until the dedupe store had said whose the event is',
    STEP_SECONDS,
  );
  readonly confirmSeconds = this.histogram(
    'confirm_seconds',
    'Until the dedupe store was told that the event is on Kafka',
    STEP_SECONDS,
  );
  readonly answerSeconds = this.histogram(
    'answer_seconds',
    'From the arrival to the answer, by what that says',
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
    this.observeEach('build_info', 'The version that runs; 1', ['version'], () => [
      [{ version: VERSION }, 1],
    ]);
    this.observeEach(
      'jwks_age_seconds',
      'Since keys were read that somebody publishes; -1 for never',
      ['source'],
      () => this.ofKeys(({ ageSeconds }) => ageSeconds),
    );
    this.observeEach(
      'jwks_failing',
      '1 while keys could not be read when they were asked for last',
      ['source'],
      () => this.ofKeys(({ isFailing }) => Number(isFailing)),
    );
  }

  observeKeys(source: KeySource, keys: ObservedKeys): void {
    this.keys.set(source, keys);
  }

  /**
   * A delivery was verified just now.
   *
   * @param timestamp Unix seconds, as signed: a clock that is ahead makes no negative age.
   * @param arrivedAt on the clock of `performance.now()`, in ms.
   */
  verified(timestamp: string, arrivedAt: number): void {
    const tookSeconds = (performance.now() - arrivedAt) / 1000;
    const ageSeconds = Math.floor(Date.now() / 1000 - tookSeconds) - Number(timestamp);
    this.arrivalAgeSeconds.observe(Math.max(0, ageSeconds));
    this.verifySeconds.observe(tookSeconds);
  }

  /** A value that is read when somebody asks for the metrics. */
  observe(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name: `gemini_bridge_${name}`,
      help,
      registers: [this.registry],
      collect: () => gauge.set(read()),
    });
  }

  /** The same for each of several things that come and go. */
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
