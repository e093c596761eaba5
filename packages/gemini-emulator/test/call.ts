import type { GeminiEmulator } from '../src/emulator.js';

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

/** A JSON answer. It has no type, because a wrong form makes the test fail. */
interface Json {
  readonly name: string;
  readonly id: string;
  readonly error: { readonly message: string };
  readonly [member: string]: unknown;
}

/** A raw call with the right API key. @param path begins with a slash */
export async function call(
  emulator: GeminiEmulator,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { 'x-goog-api-key': emulator.apiKey },
): Promise<Answered> {
  const response = await fetch(`${emulator.url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const { status, headers: answered } = response;
  return { status, headers: answered, body: JSON.parse(text) as Json };
}

/** The smallest body that creates a batch with this number of inline requests. */
export function batchBody(
  requests = 1,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  const request = { request: { contents: [{ parts: [{ text: 'hello' }] }] } };
  return {
    batch: {
      inputConfig: {
        requests: { requests: Array.from({ length: requests }, () => request) },
      },
      ...more,
    },
  };
}

/** Submits a batch whose end is announced to these URIs. @returns its name */
export async function submit(
  emulator: GeminiEmulator,
  uris: readonly string[] = [],
  userMetadata?: Record<string, unknown>,
): Promise<string> {
  const webhookConfig = { uris, ...(userMetadata ? { userMetadata } : {}) };
  const path = '/v1beta/models/gemini-flash:batchGenerateContent';
  const { body } = await call(emulator, 'POST', path, batchBody(1, { webhookConfig }));
  return body.name;
}
