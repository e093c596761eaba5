import { gunzipSync } from 'node:zlib';
import { LoopbackServer } from './loopback-server.js';

/** A span as it is exported to an OpenTelemetry collector. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number; readonly message?: string };
}

interface Export {
  readonly resourceSpans: {
    readonly scopeSpans: { readonly spans: CollectedSpan[] }[];
  }[];
}

/** Receives spans as an OpenTelemetry collector does (OTLP over HTTP as JSON) and records them. */
export class OtlpCollector implements AsyncDisposable {
  /** Bodies of the requests, in order. */
  readonly texts: string[] = [];

  private constructor(private readonly server: LoopbackServer) {}

  static async start(): Promise<OtlpCollector> {
    const server = await LoopbackServer.start();
    const collector = new OtlpCollector(server);
    server.answer = (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const isZipped = request.headers['content-encoding'] === 'gzip';
        if (request.url === '/v1/traces') {
          collector.texts.push((isZipped ? gunzipSync(body) : body).toString());
        }
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    };
    return collector;
  }

  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  get url(): string {
    return this.server.url;
  }

  get spans(): CollectedSpan[] {
    return this.texts.flatMap((text) =>
      (JSON.parse(text) as Export).resourceSpans.flatMap(({ scopeSpans }) =>
        scopeSpans.flatMap(({ spans }) => spans),
      ),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}
