import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { startBridge, type BridgeProcess } from '../../../packages/testbed/src/bridge.js';
import { GeminiEmulator } from '../../../packages/gemini-emulator/src/emulator.js';
import { startKafka, type KafkaCluster } from '../../../packages/testbed/src/kafka.js';
import { freePorts } from '../../../packages/testbed/src/process/free-ports.js';
import {
  newTraceparent,
  parseTraceparent,
} from '../../../src/infrastructure/tracing/traceparent.js';
import { until } from '../../../packages/testbed/src/until.js';
import { OtlpCollector, type CollectedSpan } from '../../support/otlp-collector.js';
import { OTHER_SECRET, post, SECRET, signedV1 } from '../../support/sender.js';
import { temporarySecrets, type TemporarySecrets } from '../../support/secrets.js';
import { readTopics, type LoggedRecord } from '../../support/topic-log.js';

let kafka: KafkaCluster;
let gemini: GeminiEmulator;
let collector: OtlpCollector;
let secrets: TemporarySecrets;
let bridge: BridgeProcess;

beforeAll(async () => {
  kafka = await startKafka({ own: true });
  gemini = await GeminiEmulator.start();
  collector = await OtlpCollector.start();
  secrets = temporarySecrets();
  const [port = 0] = await freePorts(1);
  bridge = await startBridge({
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    KAFKA_BROKERS: kafka.brokers,
    TOPIC_REPLICATION: '1',
    TOPIC_MIN_ISR: '1',
    GEMINI_URL: gemini.url,
    GEMINI_API_KEY: gemini.apiKey,
    JWKS_URL: gemini.jwksUrl,
    WEBHOOK_SECRETS: SECRET,
    CAPABILITY_KEYS_FILE: secrets.capabilityKeysFile,
    API_TOKENS_FILE: secrets.tokensFile,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
  });
  await bridge.ready();
}, 120_000);

afterAll(async () => {
  await bridge?.stop();
  await collector?.[Symbol.asyncDispose]();
  await gemini?.stop();
  await kafka?.stop();
  secrets?.[Symbol.dispose]();
}, 60_000);

async function recordOf(
  matches: (record: LoggedRecord) => boolean,
): Promise<LoggedRecord> {
  const record = (await readTopics(kafka.brokers)).find(matches);
  if (!record) throw new Error('there is no such record');
  return record;
}

/** Records the span of a consumer, as a service with tracing does. */
async function consume({ headers }: LoggedRecord): Promise<void> {
  const { traceId, spanId, flags } = parseTraceparent(headers['traceparent']) ?? fail();
  const exporter = new OTLPTraceExporter({ url: `${collector.url}/v1/traces` });
  const provider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  const parent = { traceId, spanId, traceFlags: flags, isRemote: true };
  provider
    .getTracer('billing')
    .startSpan(
      'consume',
      { kind: SpanKind.CONSUMER },
      trace.setSpanContext(ROOT_CONTEXT, parent),
    )
    .end();
  await provider.shutdown();
}

function fail(): never {
  throw new Error('the record has no traceparent');
}

const collected = (traceId: string) =>
  collector.spans.filter((span) => span.traceId === traceId);

/** Names of the span and its ancestors, and then the id of the parent that is not in the trace, or `none`. */
function ancestry(span: CollectedSpan): string[] {
  const parent = collected(span.traceId).find(
    ({ spanId }) => spanId === span.parentSpanId,
  );
  return [span.name, ...(parent ? ancestry(parent) : [span.parentSpanId ?? 'none'])];
}

describe('a trace', () => {
  it('links the API call, the submission, the delivery and the consumer of the record', async () => {
    const traceparent = newTraceparent();
    const { traceId, spanId } = parseTraceparent(traceparent) ?? fail();
    const response = await fetch(`${bridge.internalUrl}/v1/batches`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${secrets.token}`,
        'content-type': 'application/json',
        traceparent,
      },
      body: JSON.stringify({
        model: 'gemini-flash',
        requests: [{ request: { contents: [{ parts: [{ text: 'hello' }] }] } }],
        correlationId: 'traced',
      }),
    });
    const job = (await response.json()) as { geminiName: string };
    gemini.finishJob(job.geminiName, 'succeeded');
    await gemini.drained();
    const record = await recordOf(
      ({ topic, headers }) =>
        topic === 'gemini.batch.succeeded' && headers['correlation-id'] === 'traced',
    );
    await consume(record);

    await until(
      'the last spans',
      () => {
        const names = new Set(collected(traceId).map(({ name }) => name));
        return ['consume', 'confirm'].every((name) => names.has(name));
      },
      { state: () => collected(traceId).map(({ name }) => name) },
    );
    const spans = collected(traceId);
    const up = (name: string) => {
      const span = spans.find((one) => one.name === name);
      return span && ancestry(span);
    };
    const submission = ['POST /v1/batches', spanId];
    expect(up('submit')).toEqual(['submit', ...submission]);
    expect(up('consume')).toEqual(['consume', 'publish', 'delivery', ...submission]);
    for (const stage of ['verify', 'claim', 'confirm']) {
      expect(up(stage)).toEqual([stage, 'delivery', ...submission]);
    }
    for (const { startTimeUnixNano, endTimeUnixNano } of spans) {
      expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
    }
    const told = collector.texts.join('');
    expect(told).toContain('deployment.environment');
    const [uri = ''] = gemini.batches.get(job.geminiName).webhookUris;
    for (const secret of [secrets.token, SECRET, gemini.apiKey, uri.split('/').at(-1)]) {
      expect(told).not.toContain(secret);
    }
  }, 60_000);

  it('is begun by a delivery without a job, but not by a forged delivery', async () => {
    const before = new Set(collector.spans.map((span) => span.traceId));
    const url = `${bridge.url}/webhooks/gemini`;
    expect((await post(url, signedV1({}, [OTHER_SECRET]))).status).toBe(401);
    expect((await post(url, signedV1({ id: 'genuine' }))).status).toBe(200);
    const { headers } = await recordOf((one) => one.headers['webhook-id'] === 'genuine');
    const { traceId } = parseTraceparent(headers['traceparent']) ?? fail();
    await until(
      'the span of the delivery',
      () => collected(traceId).some(({ name }) => name === 'delivery'),
      { state: () => collected(traceId).map(({ name }) => name) },
    );
    const publish = collected(traceId).find(({ name }) => name === 'publish');
    expect(publish && ancestry(publish)).toEqual(['publish', 'delivery', 'none']);
    const begun = new Set(collector.spans.map((span) => span.traceId));
    expect(begun.size).toBe(before.size + 1);
  }, 60_000);
});
