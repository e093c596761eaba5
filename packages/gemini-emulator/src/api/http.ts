import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { invalid } from '../api-error.js';
import { camelCase, isObject, type Json } from '../json.js';
import type { PageQuery } from './page.js';

/** Google's limit for a request that is not an upload is of this order. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** A request as the handlers see it. */
export interface Call {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  /** The named groups of the route's path, percent-decoded. */
  readonly path: Readonly<Record<string, string>>;
  /** Empty for a route that reads the stream. */
  readonly body: Buffer;
  readonly stream: AsyncIterable<Buffer>;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes, or a value to send as JSON. Default `{}`. */
  readonly body?: unknown;
  /** Replaces `body` for content that must not be held in memory. It is opened when the answer is sent. */
  readonly stream?: () => Readable;
}

export interface Route {
  /** Name in faults and logs, like `webhooks.create`. */
  readonly name: string;
  readonly method: string;
  /** Matches the whole path. Its named groups become `Call.path`. */
  readonly path: RegExp;
  /** True if the handler reads `Call.stream` instead of `Call.body`. */
  readonly streams?: (url: URL) => boolean;
  /** Undefined: the caller gets no answer. */
  readonly handle: (call: Call) => Reply | undefined | Promise<Reply | undefined>;
}

export function route(
  name: string,
  method: string,
  path: RegExp,
  handle: Route['handle'],
): Route {
  return { name, method, path, handle };
}

/** The query parameter with that snake_case name, or with the same name in camelCase. */
export function query(call: Call, snakeName: string): string | undefined {
  const { searchParams } = call.url;
  return (
    searchParams.get(snakeName) ?? searchParams.get(camelCase(snakeName)) ?? undefined
  );
}

/** The page of a list that the query asks for. */
export function pageQuery(call: Call): PageQuery {
  return { size: query(call, 'page_size'), token: query(call, 'page_token') };
}

/** The body as a JSON object. An empty one counts as `{}`: the SDK pings without a body. */
export function jsonBody(call: Call): Json {
  if (call.body.length === 0) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(call.body.toString());
  } catch {
    throw invalid('Invalid JSON payload received.');
  }
  if (!isObject(parsed)) throw invalid('Invalid JSON payload received: not an object.');
  return parsed;
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(request)) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw invalid('Request payload size exceeds the limit.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The body, chunk by chunk. The request stays open when the reader stops early, so that it can still be answered. */
export function chunksOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}

/** Discards the rest of the body. Some clients read the answer only after they have sent everything. */
export async function drain(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
  await finished(request.resume());
}

export function write(
  response: ServerResponse,
  { status = 200, headers = {}, body = {}, stream }: Reply,
): void {
  if (stream) {
    response.writeHead(status, headers);
    pipeline(stream(), response, () => undefined);
    return;
  }
  const raw = body instanceof Uint8Array;
  response.writeHead(status, {
    ...(raw ? {} : { 'Content-Type': 'application/json; charset=UTF-8' }),
    ...headers,
  });
  response.end(raw ? body : `${JSON.stringify(body, null, 2)}\n`);
}

/** The route and the call, or undefined when no route has that path and method. */
export function match(
  routes: readonly Route[],
  method: string,
  url: URL,
): { route: Route; path: Record<string, string> } | undefined {
  for (const candidate of routes) {
    if (candidate.method !== method) continue;
    const found = candidate.path.exec(url.pathname);
    if (!found) continue;
    const parts = Object.entries(found.groups ?? {});
    return {
      route: candidate,
      path: Object.fromEntries(parts.map(([name, part]) => [name, decoded(part)])),
    };
  }
  return undefined;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid('Invalid percent-encoding in the path.');
  }
}
