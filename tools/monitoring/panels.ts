/** What a panel shows: a legend, and the expression behind it. */
type Query = readonly [legend: string, expression: string];

export interface Panel {
  readonly title: string;
  /** Of Grafana: `s`, `short`, `percentunit`, `bytes` … */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** One number instead of a curve: green from `good` on, or up to it where more is worse. */
  readonly stat?: { readonly good: number; readonly moreIsWorse?: boolean };
  readonly help?: string;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** A metric of the installations that were chosen. @param matchers further ones. */
function of(metric: string, matchers = ''): string {
  const name = /^(process|nodejs)_/.test(metric) ? metric : `gemini_bridge_${metric}`;
  const all = ['namespace=~"$namespace"', 'job=~"$job"', ...(matchers ? [matchers] : [])];
  return `${name}{${all.join(', ')}}`;
}

function rate(metric: string, by = '', matchers = ''): string {
  return `sum by (${by}) (rate(${of(metric, matchers)}[$__rate_interval]))`;
}

function each(metric: string, by = 'pod'): string {
  return `max by (${by}) (${of(metric)})`;
}

/** A stage of a delivery's path, at the median and at p99. */
function stage(title: string, metric: string, help: string, matchers = ''): Panel {
  const at = (quantile: number): string =>
    `histogram_quantile(${quantile}, ${rate(`${metric}_bucket`, 'le', matchers)})`;
  const queries = [['p50', at(0.5)] as const, ['p99', at(0.99)] as const];
  return { title, unit: 's', queries, help };
}

const answers = (outcome: string): string =>
  rate('answer_seconds_count', '', `outcome=~"${outcome}"`);

/** Top to bottom, from whether it is well to why not. */
export const ROWS: readonly Row[] = [
  {
    title: 'Is it well?',
    panels: [
      {
        title: 'Alerts that fire',
        unit: 'short',
        queries: [
          [
            '',
            'count(ALERTS{alertname=~"GeminiBridge.*", alertstate="firing", namespace=~"$namespace"}) or vector(0)',
          ],
        ],
        stat: { good: 0, moreIsWorse: true },
      },
      {
        title: 'Replicas',
        unit: 'short',
        queries: [['{{version}}', `count by (version) (${of('build_info')})`]],
        stat: { good: 1 },
      },
      {
        title: 'Replicas that are ready',
        unit: 'percentunit',
        queries: [['', `avg(${of('ready')})`]],
        stat: { good: 1 },
        help: 'The others get no deliveries; /health/ready says why',
      },
      {
        title: 'Replicas that the dedupe store answers',
        unit: 'percentunit',
        queries: [['', `avg(${of('dedupe_up')})`]],
        stat: { good: 1 },
      },
      {
        title: 'Deliveries taken',
        unit: 'reqps',
        queries: [['', answers('published|duplicate')]],
        stat: { good: 0 },
      },
      {
        title: 'Answered 503',
        unit: 'percentunit',
        queries: [
          [
            '',
            `${answers('unavailable')} / (${rate('answer_seconds_count')} > 0) or vector(0)`,
          ],
        ],
        stat: { good: 0.01, moreIsWorse: true },
      },
      {
        title: 'Refused for their proof',
        unit: 'percentunit',
        queries: [
          [
            '',
            `${answers('refused')} / (${rate('answer_seconds_count')} > 0) or vector(0)`,
          ],
        ],
        stat: { good: 0.1, moreIsWorse: true },
      },
      {
        title: 'Webhooks not as declared',
        unit: 'short',
        queries: [
          [
            '',
            `sum(${each('webhook_drift', 'namespace, job, webhook')} > bool 0) or vector(0)`,
          ],
        ],
        stat: { good: 0, moreIsWorse: true },
      },
    ],
  },
  {
    title: 'The path of a delivery, from webhook-timestamp to the answer',
    panels: [
      stage(
        '1 Age at arrival',
        'arrival_age_seconds',
        'From webhook-timestamp to the arrival, in whole seconds: the network, and a repeat that bears its first time',
      ),
      stage(
        '2 Verify',
        'verify_seconds',
        'From the arrival to the proof, the reading of the body among it',
      ),
      stage(
        '3 Claim',
        'claim_seconds',
        'Until the dedupe store had said whose the event is',
      ),
      stage(
        '4 Publish',
        'publish_seconds',
        'From the queue to the acknowledgement of all in-sync replicas',
      ),
      stage(
        '5 Confirm',
        'confirm_seconds',
        'Until the dedupe store was told that the event is on Kafka',
      ),
      stage(
        'Arrival to answer: published',
        'answer_seconds',
        'All of 2 to 5',
        'outcome="published"',
      ),
      stage('Arrival to answer: all', 'answer_seconds', 'Whatever the answer says'),
      stage(
        'Event to acknowledgement',
        'event_age_seconds',
        "From the event's own timestamp: how late Gemini is, repeats among it",
      ),
    ],
  },
  {
    title: 'Outcomes',
    panels: [
      {
        title: 'Answers',
        unit: 'reqps',
        queries: [['{{outcome}}', rate('answer_seconds_count', 'outcome')]],
      },
      {
        title: 'Refusals by reason',
        unit: 'reqps',
        queries: [['{{reason}}', `${rate('refusals_total', 'reason')} > 0`]],
      },
      {
        title: 'Records by topic',
        unit: 'cps',
        queries: [['{{topic}}', `${rate('accepted_total', 'topic')} > 0`]],
      },
      {
        title: 'Out of the ordinary',
        unit: 'cps',
        queries: [
          ['duplicates', rate('duplicates_total')],
          ['dead letters: {{reason}}', `${rate('dead_letters_total', 'reason')} > 0`],
          ['late', rate('published_late_total')],
        ],
      },
    ],
  },
  {
    title: 'Kafka',
    panels: [
      {
        title: 'Can be written',
        unit: 'bool_yes_no',
        queries: [['{{pod}}', each('kafka_ready')]],
      },
      {
        title: 'Records given up',
        unit: 'cps',
        queries: [['{{fault}}', `${rate('publish_failures_total', 'fault')} > 0`]],
      },
      {
        title: 'Records in a produce request',
        unit: 'short',
        queries: [
          ['mean', `${rate('batch_records_sum')} / ${rate('batch_records_count')}`],
        ],
      },
      {
        title: 'Under way',
        unit: 'short',
        queries: [
          ['waiting for Kafka, {{pod}}', each('publish_pending')],
          ['attempts, {{pod}}', each('attempts')],
        ],
      },
      { title: 'Log: lag', unit: 's', queries: [['{{pod}}', each('log_lag_seconds')]] },
      {
        title: 'Log: unknown partitions',
        unit: 'short',
        queries: [['{{pod}}', each('log_unknown_partitions')]],
      },
      {
        title: 'Log: deliveries read back',
        unit: 'cps',
        queries: [['{{pod}}', rate('log_read_total', 'pod')]],
      },
    ],
  },
  {
    title: 'Repeats',
    panels: [
      {
        title: 'Dedupe store answers',
        unit: 'bool_yes_no',
        queries: [['{{pod}}', each('dedupe_up')]],
      },
      {
        title: 'Calls without an answer',
        unit: 'cps',
        queries: [['{{call}}', rate('dedupe_errors_total', 'call')]],
      },
      {
        title: 'Ids in memory',
        unit: 'short',
        queries: [['{{pod}}', each('dedupe_ids')]],
      },
      {
        title: 'Ids forgotten early, and their memory',
        unit: 'short',
        queries: [
          ['forgotten in an hour', `sum(increase(${of('dedupe_evicted_total')}[1h]))`],
          ['bytes, {{pod}}', each('dedupe_id_bytes')],
        ],
      },
    ],
  },
  {
    title: 'Webhooks and secrets',
    panels: [
      {
        title: 'State at Gemini',
        unit: 'short',
        queries: [['{{webhook}}: {{state}}', each('webhook_state', 'webhook, state')]],
      },
      {
        title: 'Not as declared',
        unit: 'short',
        queries: [['{{webhook}}', each('webhook_drift', 'webhook')]],
      },
      {
        title: 'Vault',
        unit: 'short',
        queries: [
          ['troubles, {{pod}}', each('vault_troubles')],
          ['unsettled', each('vault_unsettled', '')],
        ],
      },
      {
        title: 'Old secrets: until they end',
        unit: 's',
        queries: [
          [
            '{{webhook}}',
            `${each('secret_overlap_end_timestamp_seconds', 'webhook')} - time()`,
          ],
        ],
      },
      {
        title: 'Old secrets: since they were used',
        unit: 's',
        queries: [
          [
            '{{webhook}}',
            `time() - ${each('old_secret_used_timestamp_seconds', 'webhook')}`,
          ],
        ],
      },
      {
        title: 'Public keys: age',
        unit: 's',
        queries: [['{{source}}, {{pod}}', each('jwks_age_seconds', 'source, pod')]],
      },
      {
        title: 'Public keys: cannot be read',
        unit: 'bool_yes_no',
        queries: [['{{source}}, {{pod}}', each('jwks_failing', 'source, pod')]],
      },
    ],
  },
  {
    title: 'Jobs and the internal API',
    panels: [
      {
        title: 'Events found out by asking, in an hour',
        unit: 'short',
        queries: [
          ['{{kind}}', `sum by (kind) (increase(${of('reconciled_total')}[1h]))`],
        ],
      },
      {
        title: "Records of jobs' lives",
        unit: 'cps',
        queries: [
          ['{{topic}}', rate('accepted_total', 'topic', 'topic=~".*-bridge[.]jobs"')],
        ],
      },
      {
        title: 'Calls refused',
        unit: 'reqps',
        queries: [['{{reason}}', `${rate('api_refusals_total', 'reason')} > 0`]],
      },
    ],
  },
  {
    title: 'Process',
    panels: [
      {
        title: 'CPU',
        unit: 'short',
        queries: [['{{pod}}', rate('process_cpu_seconds_total', 'pod')]],
      },
      {
        title: 'Memory',
        unit: 'bytes',
        queries: [
          ['resident, {{pod}}', each('process_resident_memory_bytes')],
          ['heap, {{pod}}', each('nodejs_heap_size_used_bytes')],
          ['bodies, {{pod}}', each('held_body_bytes')],
        ],
      },
      {
        title: 'Event loop, late by (p99)',
        unit: 's',
        queries: [['{{pod}}', each('nodejs_eventloop_lag_p99_seconds')]],
      },
      {
        title: 'Garbage collection',
        unit: 'percentunit',
        queries: [['{{kind}}', rate('nodejs_gc_duration_seconds_sum', 'kind')]],
      },
    ],
  },
];
