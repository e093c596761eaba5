import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { Config } from '../config/config.js';
import { EventFormatError, parseGeminiEvent } from '../events/gemini-event.js';
import { deadLetterTopic, topicFor } from '../events/event-topics.js';
import { jobPath, jobTokenIn, STATIC_ROUTE } from '../events/webhook-routes.js';
import { KeysUnavailableError } from '../infrastructure/jwks/remote-keys.js';
import { refusalFor } from '../receiver/refusals.js';
import type { Proof } from '../signature/proof.js';
import {
  SecretsUnsettledError,
  SignatureError,
  type SignatureFault,
} from '../signature/signature.error.js';
import { isToken } from '../signature/signature-verifier.js';
import { SecretsUnavailableError } from '../signing-secrets/secrets-store.js';
import { readCapture, type Capture } from './verify/capture.js';
import { proving, type Proving } from './verification-tools.js';
import { CommandError, type Report, type Terminal } from './terminal.js';

export interface VerifyOptions {
  /** RFC 3339, or `captured`. */
  readonly at: string;
}

const FRESH_SECONDS = 300;

/** Why a captured request is taken or refused, by the code that decides it. */
export async function verifyCapture(
  env: Terminal['env'],
  file: string,
  { at }: VerifyOptions,
): Promise<Report> {
  const capture = readCapture(file);
  return proving(env, (tools) => new Verification(capture, tools, at).report());
}

class Verification {
  private readonly reasons: Readonly<
    Record<SignatureFault, () => string | Promise<string>>
  > = {
    'header-missing': () => this.absence(),
    'header-malformed': () => this.malformed(),
    'timestamp-stale': () => this.stale(),
    'capability-invalid': () => this.strangePath(),
    'signature-mismatch': () => this.mismatch(),
    'token-audience': () => this.otherAudience(),
    'token-expired': () => this.expired(),
    'token-invalid': () => this.strangeToken(),
    'body-mismatch': () =>
      "the token's claims say something else than the body, or are a hash of another body: the body was altered",
    'body-unconfirmed': () => 'the token says nothing about the body',
  };
  private readonly config: Config;
  private readonly path: string;
  private readonly now: number;
  private readonly pathToken: string | undefined;
  private readonly signature: string;

  constructor(
    private readonly capture: Capture,
    private readonly tools: Proving,
    at: string,
  ) {
    this.config = tools.config;
    this.path = capture.path.split('?', 1)[0] ?? '';
    this.pathToken = jobTokenIn(this.path);
    this.signature = capture.headers['webhook-signature'] ?? '';
    this.now = this.timeOf(at);
  }

  async report(): Promise<Report> {
    const { method } = this.capture;
    const { path } = this;
    if (path !== STATIC_ROUTE && this.pathToken === undefined) {
      const why = `nothing is at ${path}: static webhooks come to ${STATIC_ROUTE}, those of jobs to ${jobPath('<token>')}`;
      return this.refused('not-found', why);
    }
    if (method !== 'POST')
      return this.refused('method-not-allowed', `${method} is not POST`);
    try {
      return this.taken(await this.proof(this.capture.body));
    } catch (error) {
      if (error instanceof SignatureError) {
        return this.refused(error.fault, await this.reasons[error.fault]());
      }
      if (error instanceof SecretsUnsettledError) {
        return this.refused(
          'secrets-unsettled',
          `${error.message}: a secret is being issued or revoked; look again in a moment`,
        );
      }
      if (error instanceof SecretsUnavailableError) {
        return this.refused('secrets-unavailable', error.message);
      }
      if (error instanceof KeysUnavailableError) {
        return this.refused(
          'keys-unavailable',
          `Google's keys cannot be read: is JWKS_URL=${this.config.signature.jwksUrl} right, and reachable from here?`,
        );
      }
      throw error;
    }
  }

  private async proof(body: Buffer): Promise<Proof> {
    const { headers } = this.capture;
    const { verifier } = this.tools;
    if (this.pathToken === undefined)
      return verifier.verifyStatic(headers, body, this.now);
    return (await verifier.verifyDynamic(this.pathToken, headers, body, this.now)).proof;
  }

  private taken({ scheme, keyId, id, body, bodyBound }: Proof): Report {
    const { prefix } = this.config.topics;
    const about = { scheme, keyId, webhookId: id, bodyBound };
    const lines = [`taken: ${scheme}, key id ${keyId}, webhook-id ${id}`];
    if (!bodyBound) {
      lines.push(
        'its token says nothing about the body: the bridge asks Gemini about the job (JWT_UNBOUND_BODY)',
      );
    }
    try {
      const { type, subject } = parseGeminiEvent(body);
      const topic = topicFor(type, prefix);
      lines.push(`goes to ${topic}, about ${subject ?? 'no job that it names'}`);
      return { json: { ok: true, ...about, topic, subject }, lines };
    } catch (error) {
      if (!(error instanceof EventFormatError)) throw error;
      const topic = deadLetterTopic(prefix);
      lines.push(`goes to ${topic}: ${error.fault}`);
      return { json: { ok: true, ...about, topic, reason: error.fault }, lines };
    }
  }

  private refused(reason: Parameters<typeof refusalFor>[0], why: string): Report {
    const { status } = refusalFor(reason);
    return {
      json: { ok: false, reason, status, why },
      lines: [`refused: ${status} ${reason}`, why],
      ok: false,
    };
  }

  private absence(): string {
    return `there is no ${this.absent().join(', no ')}`;
  }

  private absent(): string[] {
    const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
    return names.filter((name) => !this.capture.headers[name]);
  }

  private malformed(): string {
    const { headers } = this.capture;
    const { 'webhook-id': id = '', 'webhook-timestamp': timestamp = '' } = headers;
    if (!/^\d{1,12}$/.test(timestamp)) {
      return `webhook-timestamp is ${JSON.stringify(timestamp)}: want seconds since 1970, digits only, once`;
    }
    if (id.includes(',')) return 'webhook-id came twice, or has a comma';
    if (id.includes('.'))
      return 'webhook-id has a full stop, which separates what is signed';
    return 'webhook-id or webhook-signature is no possible one: an id of 1-256 visible characters, and 1-64 entries like v1,<base64>, with one space between';
  }

  private stale(): string {
    const signedAt = Number(this.capture.headers['webhook-timestamp']) * 1000;
    const seconds = Math.round((this.now - signedAt) / 1000);
    const off = seconds > 0 ? `${seconds} s before` : `${-seconds} s after`;
    return `it was signed at ${time(signedAt)}, ${off} ${time(this.now)}: more than ${FRESH_SECONDS} s. A replay, or one of the clocks is wrong`;
  }

  private strangePath(): string {
    const keys = this.tools.keyring.value;
    if (keys.size === 0) {
      return 'there is no CAPABILITY_KEYS_FILE, so the token in the path is nobody’s';
    }
    const kid = quietly(() => decodeProtectedHeader(this.pathToken ?? '').kid);
    if (kid === undefined) return 'what stands in the path is no token of the bridge’s';
    return keys.has(kid)
      ? `the token in the path is not what the key ${kid} signed: it was altered, or that is another key of that name`
      : `the token in the path was signed with the key ${kid}, which CAPABILITY_KEYS_FILE does not have (it has ${[...keys.keys()].join(', ')})`;
  }

  private async mismatch(): Promise<string> {
    const kind = this.otherKind();
    if (kind !== undefined) return kind;
    const variant = await this.variant();
    if (variant !== undefined) {
      return `the signature is that of the body ${variant}: something between Gemini and the bridge (or the capture) changes bodies`;
    }
    if (this.pathToken !== undefined) {
      return "no key of Google's made this signature for these bytes: the body, webhook-id or webhook-timestamp was altered, or Google did not sign it";
    }
    const ids = this.secretIds();
    return ids.length === 0
      ? 'there is no secret to verify with: set WEBHOOK_SECRETS, WEBHOOK_SECRETS_FILE or the vault'
      : `no secret that is known here (key ids ${ids.join(', ')}) made this signature for these bytes: it was made with another secret, or the body, webhook-id or webhook-timestamp was altered`;
  }

  /** The signature of a static webhook at a job's path, or the other way round. */
  private otherKind(): string | undefined {
    const isStatic = this.pathToken === undefined;
    const isDynamicSignature =
      isToken(this.signature) || /(^| )v1a,/.test(this.signature);
    const hasStaticEntry = /(^| )v1,/.test(this.signature);
    if (isStatic && isDynamicSignature && !hasStaticEntry) {
      return `this is the signature of a job's own webhook (${isToken(this.signature) ? 'a token' : 'v1a'}), which belongs to ${jobPath('<token>')}: the wrong route`;
    }
    if (!isStatic && hasStaticEntry && !isDynamicSignature) {
      return `this is the signature of a static webhook (v1), which belongs to ${STATIC_ROUTE}: the wrong route`;
    }
    return undefined;
  }

  /** How the body would have to be for the signature to be good. */
  private async variant(): Promise<string | undefined> {
    for (const [name, body] of variantsOf(this.capture.body)) {
      const isIt = await this.proof(body).then(
        () => true,
        () => false,
      );
      if (isIt) return name;
    }
    return undefined;
  }

  private secretIds(): string[] {
    const { verifier } = this.tools;
    return verifier.secretIds(this.now);
  }

  private otherAudience(): string {
    const { audience } = this.config.token;
    if (audience === undefined) {
      return 'the signature is a token, and JWT_AUDIENCE is not set: without it every token is refused, as one for somebody else would pass';
    }
    return `the token is for ${JSON.stringify(this.claims()['aud'] ?? 'nobody')}, and JWT_AUDIENCE is ${audience}`;
  }

  private expired(): string {
    const { maxAgeSeconds } = this.config.token;
    const issued = `the token was issued ${this.claimTime('iat')} and is good until ${this.claimTime('exp')}`;
    return `${issued}: as of ${time(this.now)} it has expired, or is older than JWT_MAX_AGE_SECONDS=${maxAgeSeconds}`;
  }

  private strangeToken(): string {
    const header = quietly(() => decodeProtectedHeader(this.signature)) ?? {};
    if (header.alg !== 'RS256') return `the token's alg is ${header.alg}: want RS256`;
    if (!header.kid) return 'the token names no key (kid)';
    const claims = this.claims();
    const missing = ['exp', 'iat'].filter((name) => claims[name] === undefined);
    if (missing.length > 0) return `the token has no ${missing.join(' and no ')}`;
    const { issuer } = this.config.token;
    if (issuer !== undefined && claims['iss'] !== issuer) {
      return `the token is of ${JSON.stringify(claims['iss'] ?? 'nobody')}, and JWT_ISSUER is ${issuer}`;
    }
    return `the token was issued ${this.claimTime('iat')}, which is not yet as of ${time(this.now)}, or a claim has no possible form`;
  }

  private claims(): Readonly<Record<string, unknown>> {
    return quietly(() => decodeJwt(this.signature)) ?? {};
  }

  private claimTime(name: 'iat' | 'exp'): string {
    const seconds = this.claims()[name];
    return typeof seconds === 'number' ? time(seconds * 1000) : `without ${name}`;
  }

  /** @throws {CommandError} for what is no time. */
  private timeOf(at: string): number {
    if (at === 'now') return Date.now();
    if (at !== 'captured') {
      const ms = Date.parse(at);
      if (!Number.isNaN(ms)) return ms;
      throw new CommandError(`--at ${at}: want RFC 3339, now or captured`);
    }
    const { receivedAt, headers } = this.capture;
    const issuedAt = isToken(this.signature) ? this.claims()['iat'] : undefined;
    const seconds = Number(issuedAt ?? headers['webhook-timestamp']);
    return receivedAt ?? (seconds > 0 && seconds < 1e12 ? seconds * 1000 : Date.now());
  }
}

function* variantsOf(body: Buffer): Generator<[string, Buffer]> {
  const text = body.toString('utf8');
  yield ['without its last newline', Buffer.from(text.replace(/\r?\n$/, ''))];
  yield ['with a newline behind it', Buffer.from(`${text}\n`)];
  yield ['with LF for CRLF', Buffer.from(text.replaceAll('\r\n', '\n'))];
  yield ['decoded from base64', Buffer.from(text, 'base64')];
  const json = quietly(() => JSON.parse(text) as unknown);
  if (json === undefined) return;
  yield ['as compact JSON', Buffer.from(JSON.stringify(json))];
  yield ['as JSON indented by 2', Buffer.from(JSON.stringify(json, undefined, 2))];
}

function time(ms: number): string {
  return Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : `${ms} ms`;
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
