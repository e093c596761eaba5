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
import { LogRateLimit } from '../logging/log-rate-limit.js';
import { parseTraceparent } from './traceparent.js';
import {
  IdsOnly,
  Tracing,
  type Span,
  type SpanKind,
  type SpanOptions,
} from './tracing.js';

const NAME = 'gemini-kafka-bridge';
/** Longest wait for the collector at the end of the process, in ms. */
const FLUSH_MS = 2000;
/** Interval at which the difference of the two clocks is measured again, in ms. */
const OFFSET_MS = 60_000;
const MAX_REASON_LENGTH = 200;

const KINDS: Readonly<Record<SpanKind, Kinds>> = {
  server: Kinds.SERVER,
  client: Kinds.CLIENT,
  producer: Kinds.PRODUCER,
  internal: Kinds.INTERNAL,
};

export type OtlpProtocol = 'http/protobuf' | 'http/json';

/**
 * Sends spans to an OpenTelemetry collector. OpenTelemetry itself reads endpoint, headers, sampler,
 * resource and batch sizes from its `OTEL_…` variables. While the collector is unreachable spans
 * wait in a bounded queue; beyond it they are lost, and nothing else is affected.
 */
export class OpenTelemetry extends Tracing implements OnApplicationShutdown {
  override readonly isOn = true;
  private readonly provider: BasicTracerProvider;
  private readonly tracer: Tracer;
  private readonly clock = new UnixClock();
  private readonly log = rateLimited(new Logger(OpenTelemetry.name));
  private readonly ids = new IdsOnly();

  constructor(protocol: OtlpProtocol) {
    super();
    diag.setLogger(this.log, {
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
    const offset = this.clock.offset();
    const startTime = offset + (startedAt ?? performance.now());
    const given = { kind: KINDS[kind], startTime, attributes };
    try {
      const span = this.tracer.startSpan(name, given, contextOf(parent));
      return new Recorded(span, offset, this.log);
    } catch (error) {
      this.log.error(String(error));
      return this.ids.start(name, options);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    const most = new Promise((resolve) => setTimeout(resolve, FLUSH_MS).unref());
    await Promise.race([this.provider.shutdown().catch(() => undefined), most]);
  }
}

class Recorded implements Span {
  readonly traceparent: string;

  /** @param offset of the clock for start and end; with two offsets a span could end before it starts. */
  constructor(
    private readonly span: OtelSpan,
    private readonly offset: number,
    private readonly log: DiagLogger,
  ) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    const isSampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
    this.traceparent = `00-${traceId}-${spanId}-0${isSampled ? 1 : 0}`;
  }

  /** A failure of tracing must not become a failure of the traced work. */
  end(error?: unknown, endedAt = performance.now()): void {
    try {
      if (!this.span.isRecording()) return;
      if (error !== undefined) {
        const message = error instanceof Error ? error.name : 'Error';
        this.span.setStatus({ code: SpanStatusCode.ERROR, message });
      }
      this.span.end(this.offset + endedAt);
    } catch (trouble) {
      this.log.error(String(trouble));
    }
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

/** The Unix time at which `performance.now()` is 0, in ms. The two clocks drift apart slowly. */
class UnixClock {
  private value = 0;
  private takenAt = -Infinity;

  offset(): number {
    const now = performance.now();
    if (now - this.takenAt > OFFSET_MS) {
      this.value = Date.now() - now;
      this.takenAt = now;
    }
    return this.value;
  }
}

const ignore = (): void => undefined;

/** Logs OpenTelemetry's messages, within a rate limit. */
function rateLimited(logger: Logger): DiagLogger {
  // Two limits, so that warnings do not use up the lines of errors
  const [errors, warnings] = [new LogRateLimit(), new LogRateLimit()];
  const warn = (limit: LogRateLimit) => (message: string) => {
    if (limit.tryAcquire())
      logger.warn({ message: 'tracing', reason: summaryOf(message) });
  };
  return {
    error: warn(errors),
    warn: warn(warnings),
    info: ignore,
    debug: ignore,
    verbose: ignore,
  };
}

/**
 * Name, code and message of an error that OpenTelemetry passes as JSON. The collector's answer is
 * left out, because it may repeat the bridge's headers.
 */
function summaryOf(text: string): string {
  try {
    const { name, code, message } = JSON.parse(text) as Record<string, unknown>;
    const parts = [name, code, message].filter((part) => typeof part === 'string');
    return parts.join(' ').slice(0, MAX_REASON_LENGTH);
  } catch {
    return text.slice(0, MAX_REASON_LENGTH);
  }
}
