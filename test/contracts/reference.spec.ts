import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeliveryTrace } from '../../src/receiver/tracing/delivery-trace.js';
import { deadLetterRecord, eventRecord } from '../../src/receiver/delivery-record.js';
import { loadConfig } from '../../src/config/load-config.js';
import { VARIABLES } from '../../src/config/environment.js';
import { parseGeminiEvent } from '../../src/events/gemini-event.js';
import { jobsTopic, topicFor, topicNames } from '../../src/events/event-topics.js';
import { reconciledRecord } from '../../src/jobs/reconciliation/job-records.js';
import { batchKind } from '../../src/jobs/kinds/batch.kind.js';
import { Metrics } from '../../src/infrastructure/metrics/metrics.js';
import { KafkaCluster } from '../../src/infrastructure/kafka/kafka-cluster.js';
import { TopicFollower } from '../../src/publishing/history/topic-follower.js';
import { PROBLEM_STATUSES } from '../../src/internal-api/problems/problem-codes.js';
import { KafkaPublisher } from '../../src/publishing/producer/kafka.publisher.js';
import { observeIdBytes } from '../../src/publishing/publishing.metrics.js';
import { IdsOnly } from '../../src/infrastructure/tracing/tracing.js';
import { REFUSALS } from '../../src/receiver/refusals.js';
import { startApp, type TestApp } from '../support/app.js';
import { knownJob } from '../support/jobs.js';
import { eventBody } from '../support/sender.js';
import { code, fences, rows, section } from '../support/markdown.js';

const ROOT = join(import.meta.dirname, '..', '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const DOCS = join(ROOT, 'docs');
const NONE = '–';
const SUCCEEDED = { state: 'succeeded', at: '2026-05-01T00:00:00Z' } as const;

const reference = (page: string) =>
  readFileSync(join(DOCS, 'reference', `${page}.md`), 'utf8');
const table = (page: string, heading: string): string[][] =>
  rows(section(reference(page), heading));
const firstCells = (cells: string[][]) => cells.map(([first]) => code(first) ?? '');
const sorted = (cells: readonly (readonly unknown[])[]) =>
  cells.map((row) => row.join(' ')).toSorted();

describe('the commands', () => {
  const fenced = fences(README, 'sh');

  it.each(['npm install && npm run demo', 'npm install && npm test'])(
    'are in the README as a block of their own: %s',
    (line) => {
      expect(fenced).toContain(`${line}\n`);
    },
  );

  it('are scripts of package.json where they are npm run', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const pages = readdirSync(DOCS, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.md'))
      .map((path) => readFileSync(join(DOCS, path), 'utf8'));
    const named = [README, ...pages].flatMap((text) =>
      Array.from(text.matchAll(/npm run ([\w:-]+)/g), ([, name]) => name),
    );
    expect(Object.keys(scripts as object)).toEqual(expect.arrayContaining(named));
  });

  it('for the tests are what .ci/run runs', () => {
    const script = readFileSync(join(ROOT, '.ci', 'run'), 'utf8');
    expect(script.split('\n')).toContain('npm install && npm test');
    expect(() => execFileSync('bash', ['-n', join(ROOT, '.ci', 'run')])).not.toThrow();
  });
});

describe('the table of variables', () => {
  const documented = rows(reference('configuration'));

  it('has every variable once', () => {
    expect(firstCells(documented).toSorted()).toEqual(VARIABLES.toSorted());
  });

  /** A variable that is set to its documented default must change nothing. */
  it.each(
    documented.flatMap(([name, preset]) => {
      const value = code(preset);
      return value === undefined ? [] : [[code(name) ?? '', value] as const];
    }),
  )('has the default of %s, %s', (name, value) => {
    const least = {
      KAFKA_BROKERS: 'localhost:9092',
      WEBHOOK_SECRETS: 'whsec_x',
      API_AUTH: 'none',
    };
    expect(loadConfig({ ...least, [name]: value })).toEqual(loadConfig(least));
  });
});

describe('the table of reasons', () => {
  it('has every reason with its status', () => {
    const documented = table('webhooks', '## Answers').map(([reason, status]) => [
      code(reason),
      Number(status),
    ]);
    const actual = Array.from(REFUSALS, ([reason, { status }]) => [reason, status]);
    expect(sorted(documented)).toEqual(sorted(actual));
  });
});

describe('the table of problems', () => {
  it('has every code with its statuses', () => {
    const documented = table('internal-api', '## Problems').map(([name, statuses]) => [
      code(name),
      statuses,
    ]);
    const actual = Object.entries(PROBLEM_STATUSES).map(([name, statuses]) => [
      name,
      statuses.join(', '),
    ]);
    expect(sorted(documented)).toEqual(sorted(actual));
  });
});

describe('the table of topics', () => {
  const documented = table('kafka', '## Topics');

  it('has every topic', () => {
    expect(firstCells(documented).toSorted()).toEqual(topicNames('gemini').toSorted());
  });

  it('has the topic of each event type', () => {
    for (const [topic, types = ''] of documented) {
      if (code(topic) === jobsTopic('gemini')) continue;
      for (const [, type = ''] of types.matchAll(/`([^`]+)`/g)) {
        expect([type, topicFor(type, 'gemini')]).toEqual([type, code(topic)]);
      }
    }
  });
});

describe('the table of headers', () => {
  const documented = table('kafka', '## Headers');
  const column = (at: number) =>
    firstCells(documented.filter((cells) => cells[at] !== NONE)).toSorted();
  const body = Buffer.from(eventBody());
  const delivery = {
    key: 'jobs/job-1:msg_1',
    scope: 'jobs/job-1',
    bodyHash: 'x',
    capability: { jobId: 'job-1', correlationId: 'correlation-1' },
    trace: { traceparent: '00-1-2-01' } as DeliveryTrace,
    receivedAt: 0,
    deadline: 0,
    proof: {
      scheme: 'v1a',
      id: 'msg_1',
      timestamp: '1',
      signature: 'v1a,x',
      keyId: 'k',
      body,
      bodyBound: true,
    },
  } as const;

  it("has the headers of a job's event", () => {
    const job = {
      jobId: 'job-1',
      correlationId: 'correlation-1',
      metadata: {},
      isRegistered: false,
      endId: 'job-1:batch.succeeded:1',
    };
    const delivered = eventRecord(delivery, parseGeminiEvent(body), 'gemini', job);
    const found = reconciledRecord(knownJob(), batchKind, SUCCEEDED, 'gemini').record;
    const names = new Set(
      [delivered, found].flatMap(({ headers }) => Object.keys(headers)),
    );
    expect(column(1)).toEqual(Array.from(names).toSorted());
  });

  it('has the headers of the record in the README', () => {
    const [shown = ''] = fences(section(README, '## A record on Kafka'), 'text');
    const [headers = '', value = ''] = shown.split('\n\n');
    const lines = headers.split('\n').map((line) => line.split(/ {2,}/));
    const job = {
      jobId: 'job-1',
      correlationId: 'correlation-1',
      metadata: {},
      isRegistered: true,
      endId: 'job-1:batch.succeeded',
    };
    const record = eventRecord(
      { ...delivery, bodyHash: undefined },
      parseGeminiEvent(body),
      'gemini',
      job,
    );
    expect(sorted(lines.map(([name]) => [name]))).toEqual(
      sorted(Object.keys(record.headers).map((name) => [name])),
    );
    const { ce_type: type, ce_subject: subject } = Object.fromEntries(lines) as Record<
      string,
      string
    >;
    expect(JSON.parse(value)).toMatchObject({ type, data: { id: subject } });
  });

  it('has the headers of a dead letter', () => {
    const record = deadLetterRecord(delivery, 'other-job', 'gemini');
    expect(column(2)).toEqual(Object.keys(record.headers).toSorted());
  });
});

describe('the table of metrics', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
  });

  it('has every metric of the bridge with its type and labels', async () => {
    const metrics = app.get(Metrics);
    // The application has a double for the publisher, so the real one is made here to register its gauges
    const config = loadConfig({
      KAFKA_BROKERS: '127.0.0.1:1',
      WEBHOOK_SECRETS: 'whsec_x',
      API_AUTH: 'none',
    });
    const cluster = new KafkaCluster(config.kafka, config.topics, config.dedupe, metrics);
    const log = new TopicFollower(cluster, metrics, config.dedupe.ttlMs, () => {});
    observeIdBytes(metrics, { bytes: 0 });
    void new KafkaPublisher(
      cluster,
      log,
      new IdsOnly(),
      metrics,
      config.kafka,
      config.topics,
    );
    const actual = (await metrics.registry.getMetricsAsJSON())
      .filter(({ name }) => name.startsWith('gemini_bridge_'))
      .map(({ name, type }) => [name, String(type), labels(metrics, name)]);
    const documented = rows(reference('metrics')).map(([name, type, label]) => [
      code(name),
      type,
      code(label) ?? '',
    ]);
    expect(sorted(documented)).toEqual(sorted(actual));
  });
});

function labels(metrics: Metrics, name: string): string {
  const metric: object = metrics.registry.getSingleMetric(name) ?? {};
  return 'labelNames' in metric && Array.isArray(metric.labelNames)
    ? metric.labelNames.join(', ')
    : '';
}
