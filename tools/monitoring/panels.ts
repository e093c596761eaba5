/** A legend and a PromQL expression. */
type Query = readonly [legend: string, expression: string];

export interface Panel {
  readonly title: string;
  /** Unit of Grafana: `s`, `short`, `percentunit`, `bytes` … */
  readonly unit: string;
  readonly queries: readonly Query[];
  /**
   * `curve`: values over time. `bars`: one bar for each series, for counts in the dashboard's time range; a rate per second of
   * rare events would be close to zero. `stat`: one number with a color. `curve` when absent.
   */
  readonly kind?: 'curve' | 'bars' | 'stat';
  /** Color of a `stat`: green from `good` on; with `moreIsWorse` green up to `good`. */
  readonly threshold?: { readonly good: number; readonly moreIsWorse?: boolean };
  readonly help?: string;
  /** Alerts on these values. The panel links their runbooks. */
  readonly alerts?: readonly string[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** A metric of the chosen installations. @param matchers further matchers of labels. */
function selector(metric: string, matchers = ''): string {
  const name = /^(process|nodejs)_/.test(metric) ? metric : `gemini_bridge_${metric}`;
  const all = ['namespace=~"$namespace"', 'job=~"$job"', ...(matchers ? [matchers] : [])];
  return `${name}{${all.join(', ')}}`;
}

/** Increase per second. */
function rateBy(metric: string, by = '', matchers = ''): string {
  return `sum by (${by}) (rate(${selector(metric, matchers)}[$__rate_interval]))`;
}

/** Increase in the time range of the dashboard. */
function increaseBy(metric: string, by = '', matchers = ''): string {
  return `sum by (${by}) (increase(${selector(metric, matchers)}[$__range]))`;
}

/** The same as whole numbers, because `increase` extrapolates. Series without an increase are left out. */
function countsBy(metric: string, by = '', matchers = ''): string {
  return `round(${increaseBy(metric, by, matchers)}) > 0`;
}

function maxBy(metric: string, by = 'pod'): string {
  return `max by (${by}) (${selector(metric)})`;
}

/** Share of the answers with one of these outcomes; 0 without any answer. */
function shareOf(outcome: string): string {
  const matching = increaseBy('answer_seconds_count', '', `outcome=~"${outcome}"`);
  return `${matching} / (${increaseBy('answer_seconds_count')} > 0) or vector(0)`;
}

/** A stage in the path of a delivery, at the median and at p99. */
function stage(title: string, metric: string, help: string, matchers = ''): Panel {
  const quantile = (share: number): string =>
    `histogram_quantile(${share}, ${rateBy(`${metric}_bucket`, 'le', matchers)})`;
  const queries = [['p50', quantile(0.5)] as const, ['p99', quantile(0.99)] as const];
  return { title, unit: 's', queries, help };
}

/** The rows from top to bottom: first the state, then its causes. */
export const ROWS: readonly Row[] = [
  {
    title: 'Overview of the time range',
    panels: [
      {
        title: 'Firing alerts',
        unit: 'short',
        queries: [
          [
            '',
            'count(ALERTS{alertname=~"GeminiBridge.*", alertstate="firing", namespace=~"$namespace", job=~"$job"}) or vector(0)',
          ],
        ],
        kind: 'stat',
        threshold: { good: 0, moreIsWorse: true },
      },
      {
        title: 'Replicas',
        unit: 'short',
        queries: [['{{version}}', `count by (version) (${selector('build_info')})`]],
        kind: 'stat',
        threshold: { good: 1 },
        help: 'Scraped replicas by version.',
        alerts: ['GeminiBridgeDown'],
      },
      {
        title: 'Ready replicas',
        unit: 'percentunit',
        queries: [['', `avg(${selector('ready')})`]],
        kind: 'stat',
        threshold: { good: 1 },
        help: 'Kubernetes sends no deliveries to the others. /health/ready names the cause.',
        alerts: ['GeminiBridgeNotReady'],
      },
      {
        title: 'Replicas with a working dedupe store',
        unit: 'percentunit',
        queries: [['', `avg(${selector('dedupe_up')})`]],
        kind: 'stat',
        threshold: { good: 1 },
        help: 'Replicas that Redis answers.',
        alerts: ['GeminiBridgeDedupeStoreDown'],
      },
      {
        title: 'Accepted deliveries',
        unit: 'short',
        queries: [
          [
            '',
            `round(${increaseBy('answer_seconds_count', '', 'outcome=~"published|dead-lettered|duplicate"')})`,
          ],
        ],
        kind: 'stat',
        threshold: { good: 0 },
        help: 'Deliveries that were answered 200: published events, dead letters and duplicates.',
        alerts: ['GeminiBridgeNoDeliveries'],
      },
      {
        title: 'Answered 503',
        unit: 'percentunit',
        queries: [['', shareOf('unavailable')]],
        kind: 'stat',
        threshold: { good: 0.01, moreIsWorse: true },
        help: 'Share of the deliveries. Gemini redelivers them for 24 hours.',
        alerts: ['GeminiBridgeDeliveriesNotTaken'],
      },
      {
        title: 'Refused with 4xx',
        unit: 'percentunit',
        queries: [['', shareOf('refused')]],
        kind: 'stat',
        threshold: { good: 0.1, moreIsWorse: true },
        help: 'Share of the deliveries, mostly without a valid signature.',
        alerts: ['GeminiBridgeRefusalsSurge'],
      },
      {
        title: 'Webhooks that differ',
        unit: 'short',
        queries: [
          [
            '',
            `sum(${maxBy('webhook_drift', 'namespace, job, webhook')} > bool 0) or vector(0)`,
          ],
        ],
        kind: 'stat',
        threshold: { good: 0, moreIsWorse: true },
        help: 'Webhooks at Gemini that differ from the setting WEBHOOKS.',
        alerts: ['GeminiBridgeWebhookDrift'],
      },
    ],
  },
  {
    title: 'Path of a delivery, from webhook-timestamp to the answer',
    panels: [
      stage(
        '1 Age at arrival',
        'arrival_age_seconds',
        'From webhook-timestamp to the arrival, in whole seconds. A redelivery may keep its first timestamp.',
      ),
      stage(
        '2 Verify',
        'verify_seconds',
        'From the arrival to the verified signature, with the reading of the body.',
      ),
      stage(
        '3 Claim',
        'claim_seconds',
        'Until the dedupe store has answered whether the event is new.',
      ),
      stage(
        '4 Publish',
        'publish_seconds',
        'From the queue to the acknowledgement of all in-sync replicas.',
      ),
      stage(
        '5 Confirm',
        'confirm_seconds',
        'Until the dedupe store has recorded that the event is on Kafka.',
      ),
      stage(
        'Arrival to answer: published',
        'answer_seconds',
        'The stages 2 to 5.',
        'outcome="published"',
      ),
      {
        ...stage('Arrival to answer: all', 'answer_seconds', 'With every answer.'),
        alerts: ['GeminiBridgeAckBudgetSpent'],
      },
      stage(
        'Event to acknowledgement',
        'event_age_seconds',
        'From the timestamp of the event to the acknowledgement: the delay of Gemini, with its redeliveries.',
      ),
    ],
  },
  {
    title: 'Outcomes in the time range',
    panels: [
      {
        title: 'Answers per second',
        unit: 'reqps',
        queries: [['{{outcome}}', rateBy('answer_seconds_count', 'outcome')]],
      },
      {
        title: 'Answers',
        unit: 'short',
        queries: [['{{outcome}}', countsBy('answer_seconds_count', 'outcome')]],
        kind: 'bars',
      },
      {
        title: 'Refusals by reason',
        unit: 'short',
        queries: [['{{reason}}', countsBy('refusals_total', 'reason')]],
        kind: 'bars',
        help: 'Every answer other than 2xx.',
        alerts: ['GeminiBridgeRefusalsSurge', 'GeminiBridgeOverloaded'],
      },
      {
        title: 'Records by topic',
        unit: 'short',
        queries: [['{{topic}}', countsBy('accepted_total', 'topic')]],
        kind: 'bars',
        help: 'Records that Kafka acknowledged.',
      },
      {
        title: 'Dead letters by reason',
        unit: 'short',
        queries: [['{{reason}}', countsBy('dead_letters_total', 'reason')]],
        kind: 'bars',
        help: 'Verified deliveries that could not be routed to an event topic.',
        alerts: ['GeminiBridgeDeadLetters'],
      },
      {
        title: 'Duplicates and late records',
        unit: 'short',
        queries: [
          ['duplicates', countsBy('duplicates_total')],
          ['acknowledged after the answer 503', countsBy('published_late_total')],
        ],
        kind: 'bars',
      },
    ],
  },
  {
    title: 'Kafka',
    panels: [
      {
        title: 'Kafka accepts writes',
        unit: 'bool_yes_no',
        queries: [['{{pod}}', maxBy('kafka_ready')]],
        alerts: ['GeminiBridgeKafkaNotReady'],
      },
      {
        title: 'Records not written, in the time range',
        unit: 'short',
        queries: [['{{fault}}', countsBy('publish_failures_total', 'fault')]],
        kind: 'bars',
        help: 'Records that failed. Their deliveries were answered 503.',
        alerts: ['GeminiBridgePublishFailures'],
      },
      {
        title: 'Records in a produce request',
        unit: 'short',
        queries: [
          ['mean', `${rateBy('batch_records_sum')} / ${rateBy('batch_records_count')}`],
        ],
      },
      {
        title: 'In flight',
        unit: 'short',
        queries: [
          ['records that wait for Kafka, {{pod}}', maxBy('publish_pending')],
          ['publications, {{pod}}', maxBy('attempts')],
        ],
        alerts: ['GeminiBridgeOverloaded'],
      },
      {
        title: 'Topics: time since they were read to the end',
        unit: 's',
        queries: [['{{pod}}', maxBy('log_lag_seconds')]],
        help: 'The bridge reads its topics back to know the published ids. -1: not read yet.',
      },
      {
        title: 'Topics: partitions that are not read',
        unit: 'short',
        queries: [['{{pod}}', maxBy('log_unknown_partitions')]],
        help: 'Deliveries for these partitions are answered 503.',
        alerts: ['GeminiBridgeLogUnknown'],
      },
      {
        title: 'Topics: events read back, in the time range',
        unit: 'short',
        queries: [['{{pod}}', countsBy('log_read_total', 'pod')]],
        kind: 'bars',
        help: 'Events from before the start of a replica, or of other replicas.',
      },
    ],
  },
  {
    title: 'Duplicates',
    panels: [
      {
        title: 'Dedupe store answers',
        unit: 'bool_yes_no',
        queries: [['{{pod}}', maxBy('dedupe_up')]],
        alerts: ['GeminiBridgeDedupeStoreDown'],
      },
      {
        title: 'Calls without an answer, in the time range',
        unit: 'short',
        queries: [['{{call}}', countsBy('dedupe_errors_total', 'call')]],
        kind: 'bars',
        help: 'Calls that Redis did not answer.',
      },
      {
        title: 'Ids in memory',
        unit: 'short',
        queries: [['{{pod}}', maxBy('dedupe_ids')]],
      },
      {
        title: 'Memory of the ids',
        unit: 'bytes',
        queries: [['{{pod}}', maxBy('dedupe_id_bytes')]],
      },
      {
        title: 'Ids forgotten early, in the time range',
        unit: 'short',
        queries: [['{{pod}}', countsBy('dedupe_evicted_total', 'pod')]],
        kind: 'bars',
        help: 'Ids dropped because of DEDUPE_MEMORY_MAX.',
        alerts: ['GeminiBridgeDedupeEvicted'],
      },
    ],
  },
  {
    title: 'Webhooks and secrets',
    panels: [
      {
        title: 'State at Gemini',
        unit: 'short',
        queries: [['{{webhook}}: {{state}}', maxBy('webhook_state', 'webhook, state')]],
        alerts: ['GeminiBridgeWebhookDisabled'],
      },
      {
        title: 'Differences from WEBHOOKS',
        unit: 'short',
        queries: [['{{webhook}}', maxBy('webhook_drift', 'webhook')]],
        alerts: ['GeminiBridgeWebhookDrift'],
      },
      {
        title: 'Vault: secrets that are missing',
        unit: 'short',
        queries: [
          ['cannot be read or decrypted, {{pod}}', maxBy('vault_troubles')],
          ['perhaps issued by Gemini and not stored', maxBy('vault_unsettled', '')],
        ],
        help: "The vault is the bridge's own encrypted store of signing secrets.",
        alerts: ['GeminiBridgeVaultTroubles', 'GeminiBridgeVaultUnsettled'],
      },
      {
        title: 'Old secrets: time until they expire',
        unit: 's',
        queries: [
          [
            '{{webhook}}',
            `${maxBy('secret_overlap_end_timestamp_seconds', 'webhook')} - time()`,
          ],
        ],
        alerts: ['GeminiBridgeSecretOverlapEnds'],
      },
      {
        title: 'Old secrets: time since their last use',
        unit: 's',
        queries: [
          [
            '{{webhook}}',
            `time() - ${maxBy('old_secret_used_timestamp_seconds', 'webhook')}`,
          ],
        ],
        alerts: ['GeminiBridgeSecretOverlapEnds'],
      },
      {
        title: 'Public keys: age',
        unit: 's',
        queries: [['{{source}}, {{pod}}', maxBy('jwks_age_seconds', 'source, pod')]],
      },
      {
        title: 'Public keys: the last read failed',
        unit: 'bool_yes_no',
        queries: [['{{source}}, {{pod}}', maxBy('jwks_failing', 'source, pod')]],
        alerts: ['GeminiBridgeJwksStale'],
      },
    ],
  },
  {
    title: 'Jobs and the internal API in the time range',
    panels: [
      {
        title: 'Events found by polling',
        unit: 'short',
        queries: [['{{kind}}', countsBy('reconciled_total', 'kind')]],
        kind: 'bars',
        help: 'Events of which no delivery was accepted.',
        alerts: ['GeminiBridgeEventsReconciled'],
      },
      {
        title: 'Jobs by state',
        unit: 'short',
        queries: [
          [
            '{{state}}',
            `sum by (state) (${maxBy('jobs', 'namespace, job, kind, state')}) > 0`,
          ],
        ],
        help: 'Jobs in the registry. Every replica reports those of all replicas.',
      },
      {
        title: 'Oldest open job: age',
        unit: 's',
        queries: [['', `${maxBy('oldest_open_job_age_seconds', '')} >= 0`]],
        help: 'Time since its submission. Batches may take a day.',
      },
      {
        title: 'Records on the jobs topic',
        unit: 'short',
        queries: [
          ['{{topic}}', countsBy('accepted_total', 'topic', 'topic=~".*-bridge[.]jobs"')],
        ],
        kind: 'bars',
      },
      {
        title: 'Refused calls of /v1',
        unit: 'short',
        queries: [['{{reason}}', countsBy('api_refusals_total', 'reason')]],
        kind: 'bars',
      },
    ],
  },
  {
    title: 'Process',
    panels: [
      {
        title: 'CPU',
        unit: 'short',
        queries: [['{{pod}}', rateBy('process_cpu_seconds_total', 'pod')]],
      },
      {
        title: 'Memory',
        unit: 'bytes',
        queries: [
          ['resident, {{pod}}', maxBy('process_resident_memory_bytes')],
          ['heap, {{pod}}', maxBy('nodejs_heap_size_used_bytes')],
          ['bodies, {{pod}}', maxBy('held_body_bytes')],
        ],
      },
      {
        title: 'Event loop delay (p99)',
        unit: 's',
        queries: [['{{pod}}', maxBy('nodejs_eventloop_lag_p99_seconds')]],
        alerts: ['GeminiBridgeEventLoopLate'],
      },
      {
        title: 'Garbage collection',
        unit: 'percentunit',
        queries: [['{{kind}}', rateBy('nodejs_gc_duration_seconds_sum', 'kind')]],
      },
    ],
  },
];
