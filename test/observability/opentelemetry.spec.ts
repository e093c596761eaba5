import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { JsonLogger } from '../../src/infrastructure/logging/json.logger.js';
import { OpenTelemetry } from '../../src/infrastructure/tracing/opentelemetry.js';
import { newTraceparent } from '../../src/infrastructure/tracing/traceparent.js';
import { until } from '../../packages/testbed/src/until.js';
import { hang, LoopbackServer, text } from '../support/loopback-server.js';
import { LogCapture } from '../support/log-capture.js';
import { OtlpCollector } from '../support/otlp-collector.js';

const NAMES = [
  'OTEL_BSP_SCHEDULE_DELAY',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TIMEOUT',
  'OTEL_TRACES_SAMPLER',
] as const;

beforeAll(() => Logger.overrideLogger(new JsonLogger('debug')));

afterEach(() => {
  for (const name of NAMES) delete process.env[name];
});

/** Sets the endpoint in the variable that OpenTelemetry itself reads. */
function tracingTo(url: string, protocol: 'http/json' | 'http/protobuf' = 'http/json') {
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = url;
  return new OpenTelemetry(protocol);
}

describe('OpenTelemetry', () => {
  it('sends the name of an error and not its message', async () => {
    await using collector = await OtlpCollector.start();
    const tracing = tracingTo(collector.url);
    tracing.start('work').end(new TypeError('whsec_secret'));
    await tracing.onApplicationShutdown();
    expect(collector.spans).toMatchObject([
      { name: 'work', status: { message: 'TypeError' } },
    ]);
    expect(collector.texts.join('')).not.toContain('whsec_secret');
  });

  it('counts the first end of a span', async () => {
    await using collector = await OtlpCollector.start();
    const tracing = tracingTo(collector.url);
    const span = tracing.start('work', { startedAt: performance.now() - 2000 });
    span.end(undefined, performance.now() - 1000);
    span.end(new Error('late'));
    await tracing.onApplicationShutdown();
    const [{ startTimeUnixNano, endTimeUnixNano, status } = fail()] = collector.spans;
    const tookMs = (BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1_000_000n;
    expect(Number(tookMs)).toBeGreaterThan(900);
    expect(Number(tookMs)).toBeLessThan(1100);
    expect(status).toEqual({ code: 0 });
  });

  it('sends spans of microseconds with their times, and logs nothing', async () => {
    await using collector = await OtlpCollector.start();
    using log = new LogCapture();
    const tracing = tracingTo(collector.url);
    for (let i = 0; i < 500; i++) {
      const startedAt = performance.now();
      tracing.start('short', { startedAt }).end(undefined, startedAt + 0.004);
    }
    await tracing.onApplicationShutdown();
    expect(log.text).toBe('');
    const took = collector.spans.map((span) =>
      Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)),
    );
    expect(took).toHaveLength(500);
    for (const nanoseconds of took) {
      expect(Math.abs(nanoseconds - 4000)).toBeLessThan(1000);
    }
  });

  it('does not log the collector’s answer, which may repeat the bridge’s headers', async () => {
    const echo = text(401, '{"you sent":"Bearer s3cret"}');
    await using server = await LoopbackServer.start(echo);
    using log = new LogCapture();
    process.env['OTEL_BSP_SCHEDULE_DELAY'] = '10';
    const tracing = tracingTo(server.url);
    tracing.start('work').end();
    await until('a log line', () => log.text.includes('"message":"tracing"'));
    await tracing.onApplicationShutdown();
    expect(log.text).not.toContain('s3cret');
  });

  it("writes the sampler's decision not to record a trace into the traceparent", async () => {
    await using collector = await OtlpCollector.start();
    process.env['OTEL_TRACES_SAMPLER'] = 'parentbased_always_off';
    const tracing = tracingTo(collector.url);
    const ours = tracing.start('ours');
    const theirs = tracing.start('theirs', { parent: newTraceparent() });
    for (const span of [ours, theirs]) span.end();
    await tracing.onApplicationShutdown();
    expect([ours, theirs].map(({ traceparent }) => traceparent.slice(-2))).toEqual([
      '00',
      '01',
    ]);
    expect(collector.spans.map(({ name }) => name)).toEqual(['theirs']);
  });

  it('sends protobuf with http/protobuf', async () => {
    await using server = await LoopbackServer.start(text(200, ''));
    const tracing = tracingTo(server.url, 'http/protobuf');
    tracing.start('work').end();
    await tracing.onApplicationShutdown();
    expect(server.requests[0]?.headers['content-type']).toBe('application/x-protobuf');
  });

  it('waits 2 s at most for a collector that hangs when the process ends', async () => {
    process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '3000';
    await using server = await LoopbackServer.start(hang);
    const tracing = tracingTo(server.url);
    tracing.start('work').end();
    const start = performance.now();
    await tracing.onApplicationShutdown();
    expect(performance.now() - start).toBeLessThan(2900);
    expect(server.requests).toHaveLength(1);
  });
});

function fail(): never {
  throw new Error('no span came');
}
