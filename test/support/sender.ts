import { createHmac, randomUUID } from 'node:crypto';
import {
  signV1,
  type GoogleKeys,
  type JwtOverrides,
} from '../../packages/gemini-emulator/src/deliveries/signing.js';

export const SECRET = `whsec_${Buffer.alloc(32, 'live-secret').toString('base64')}`;
export const OTHER_SECRET = `whsec_${Buffer.alloc(32, 'another').toString('base64')}`;

/** A delivery as it goes over the wire. */
export interface Signed {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** Parts of a delivery that a test sets itself. */
export interface Content {
  readonly id?: string;
  /** Unix time in seconds. */
  readonly timestamp?: number;
  readonly body?: string | Buffer;
}

/** Claims of a token. An undefined one is left out. */
export type Claims = Readonly<Record<string, unknown>>;

/** An answer of the bridge. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body if it is JSON. */
  readonly json: unknown;
}

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

export function newId(): string {
  return `msg_${randomUUID()}`;
}

export function eventBody(type = 'batch.succeeded', data: object = { id: 'batches/1' }) {
  return JSON.stringify({
    type,
    version: 'v1',
    timestamp: '2026-01-01T00:00:00Z',
    data,
  });
}

/** A static delivery, signed by the package of the Standard Webhooks specification. */
export function signedV1(content: Content = {}, secrets = [SECRET]): Signed {
  return signedDelivery(content, (id, at, body) => signV1(secrets, id, at, body));
}

/** A static delivery whose body need not be UTF-8. The package decodes a body before it signs it, so it is not used. */
export function signedBytes(body: Buffer): Signed {
  const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
  return signedDelivery({ body }, (id, at) => {
    const mac = createHmac('sha256', key).update(`${id}.${at}.`).update(body);
    return `v1,${mac.digest('base64')}`;
  });
}

/** A dynamic delivery as the live API signs it. */
export function signedV1a(keys: GoogleKeys, content: Content = {}): Signed {
  return signedDelivery(content, (id, at, body) => keys.signV1a(id, at, body));
}

/** A dynamic delivery as documented: the signature header is a token. */
export async function signedToken(
  keys: GoogleKeys,
  claims: Claims,
  content: Content = {},
  overrides: JwtOverrides = {},
): Promise<Signed> {
  const token = await keys.signJwt(claims, overrides);
  return signedDelivery(content, () => token);
}

/** The claims of a valid token, with changes. */
export function claimsNow(claims: Claims = {}): Claims {
  const iat = nowSeconds();
  return { aud: 'our-audience', iat, exp: iat + 300, jti: randomUUID(), ...claims };
}

export async function post(url: string, { headers, body }: Signed): Promise<Answer> {
  return ask(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
}

export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetchKept(url, init);
  const { status, headers } = response;
  const text = await response.text();
  const isJson = text !== '' && /json/.test(headers.get('content-type') ?? '');
  return { status, headers, text, json: isJson ? JSON.parse(text) : undefined };
}

/** Repeats a GET once, because the server may close a kept connection at the moment when fetch uses it again. */
async function fetchKept(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    const isClosed = cause?.code === 'UND_ERR_SOCKET' || cause?.code === 'ECONNRESET';
    if (!isClosed || (init.method ?? 'GET') !== 'GET') throw error;
    return fetch(url, init);
  }
}

function signedDelivery(
  { id = newId(), timestamp = nowSeconds(), body = eventBody() }: Content,
  sign: (id: string, timestamp: number, body: string | Buffer) => string,
): Signed {
  return {
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign(id, timestamp, body),
    },
    body,
  };
}
