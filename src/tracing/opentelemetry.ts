import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import {
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind as Kinds,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type DiagLogger,
  type Span as OtelSpan,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { LogQuota } from '../rate/log-quota.js';
import { parseTraceparent } from './traceparent.js';
import { Tracing, type Span, type SpanKind, type SpanOptions } from './tracing.js';

const NAME = 'gemini-kafka-bridge';
/** A collector that hangs must not hold up the end of the process, in ms. */
const FLUSH_MS = 2000;

const KINDS: Readonly<Record<SpanKind, Kinds>> = {
  server: Kinds.SERVER,
  client: Kinds.CLIENT,
  producer: Kinds.PRODUCER,
  internal: Kinds.INTERNAL,
};

export type OtlpProtocol = 'http/protobuf' | 'http/json';

/**
 * Spans to an OpenTelemetry collector. Endpoint, headers, sampler, resource and batches are read by
 * OpenTelemetry itself, from its own variables. A collector that is away costs spans and nothing
 * else: they wait in a queue with a bound.
 */
export class OpenTelemetry extends Tracing implements OnApplicationShutdown {
  override readonly isOn = true;
  private readonly provider: BasicTracerProvider;
  private readonly tracer: Tracer;

  constructor(protocol: OtlpProtocol) {
    super();
    diag.setLogger(quietly(new Logger(OpenTelemetry.name)), {
      logLevel: DiagLogLevel.WARN,
      suppressOverrideMessage: true,
    });
    const exporter =
      protocol === 'http/json' ? new JsonExporter() : new ProtobufExporter();
    this.provider = new BasicTracerProvider({
      resource: defaultResource()
        .merge(resourceFromAttributes({ 'service.name': NAME }))
        .merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [new BatchSpanProcessor(exporter)],
    });
    this.tracer = this.provider.getTracer(NAME);
  }

  override start(name: string, options: SpanOptions = {}): Span {
    const { parent, kind = 'internal', startedAt, attributes = {} } = options;
    const startTime = unixMs(startedAt);
    const given = { kind: KINDS[kind], startTime, attributes };
    return new Recorded(this.tracer.startSpan(name, given, contextOf(parent)));
  }

  async onApplicationShutdown(): Promise<void> {
    const most = new Promise((resolve) => setTimeout(resolve, FLUSH_MS).unref());
    await Promise.race([this.provider.shutdown().catch(() => undefined), most]);
  }
}

class Recorded implements Span {
  readonly traceparent: string;

  constructor(private readonly span: OtelSpan) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    const isSampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
    this.traceparent = `00-${traceId}-${spanId}-0${isSampled ? 1 : 0}`;
  }

  end(error?: unknown, endedAt?: number): void {
    if (!this.span.isRecording()) return;
    if (error !== undefined) {
      const message = error instanceof Error ? error.name : 'Error';
      this.span.setStatus({ code: SpanStatusCode.ERROR, message });
    }
    this.span.end(unixMs(endedAt));
  }
}

function contextOf(parent: string | undefined): Context {
  const ids = parseTraceparent(parent);
  if (!ids) return ROOT_CONTEXT;
  const { traceId, spanId, flags: traceFlags } = ids;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags,
    isRemote: true,
  });
}

/** Anew each time: the two clocks drift apart. */
function unixMs(at = performance.now()): number {
  return Date.now() - (performance.now() - at);
}

const nothing = (): void => undefined;

function quietly(logger: Logger): DiagLogger {
  const quota = new LogQuota();
  const say = (message: string): void => {
    if (quota.take()) logger.warn({ message: 'tracing', reason: message });
  };
  return { error: say, warn: say, info: nothing, debug: nothing, verbose: nothing };
}
