import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10];

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

  constructor() {
    collectDefaultMetrics({ register: this.registry });
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

  private histogram(name: string, help: string, buckets: number[]) {
    return new Histogram({
      name: `gemini_bridge_${name}`,
      help,
      buckets,
      registers: [this.registry],
    });
  }
}
