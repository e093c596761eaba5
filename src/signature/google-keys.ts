import { createPublicKey, type KeyObject } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { createLocalJWKSet, type JSONWebKeySet, type JWK } from 'jose';
import { KeysUnavailableError } from './signature.error.js';

/** Google's keys, as last read. */
export interface KeySet {
  /** For `v1a`, which names no key: all of them are tried. */
  readonly ed25519: readonly { readonly keyId: string; readonly key: KeyObject }[];
  /** For tokens, by `kid` and `alg`. */
  readonly resolve: ReturnType<typeof createLocalJWKSet>;
}

const FETCH_TIMEOUT_MS = 2000;
const MAX_RESPONSE_BYTES = 256 * 1024;
const MAX_KEYS = 32;
/** Read again in the background after this time. */
const FRESH_MS = 600_000;
/** At least this long between two requests after a success, whatever deliveries say. */
const COOLDOWN_MS = 30_000;
/** The same after a failure. */
const BACKOFF_MS = 5000;

/**
 * The keys that Google publishes for dynamic webhooks.
 *
 * jose's own remote set forgets its keys when the endpoint is down for longer than its
 * cache lasts, and asks again at each verification. Here: one request at a time; keys are
 * served stale, within a bound, while the endpoint fails; and nothing that a delivery says
 * can make us ask more often than the cooldown.
 */
export class GoogleKeys {
  private readonly logger = new Logger(GoogleKeys.name);
  private keys: KeySet | undefined;
  private readAt = 0;
  private askedAt = -Infinity;
  private failing = false;
  private asking: Promise<void> | undefined;

  /**
   * @param staleMs how long keys are trusted after they were read last.
   * @param now milliseconds on a clock that does not go back.
   */
  constructor(
    private readonly url: string,
    private readonly staleMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Seconds since the keys were read; -1 when there are none. */
  get ageSeconds(): number {
    return this.keys ? (this.now() - this.readAt) / 1000 : -1;
  }

  /**
   * Hands the keys to `verify`, and once more after a look at the endpoint when it finds no
   * match, because the key may be new.
   *
   * @returns the match, or undefined when the keys are up to date and none matches.
   * @throws {KeysUnavailableError} when there are no keys, or none matches while they cannot
   *   be brought up to date.
   */
  async match<T>(verify: (keys: KeySet) => T | Promise<T>): Promise<T | undefined> {
    const keys = this.usable() ?? (await this.refreshed());
    if (!keys) throw new KeysUnavailableError('the JWKS endpoint gives no keys');
    const found = await verify(keys);
    if (found !== undefined) return found;
    const newer = await this.refreshed();
    const second = newer && newer !== keys ? await verify(newer) : undefined;
    if (second === undefined && this.failing) {
      throw new KeysUnavailableError('no key matches, and the JWKS endpoint is down');
    }
    return second;
  }

  /** The keys at hand; asks for newer ones in the background when they are getting old. */
  private usable(): KeySet | undefined {
    const age = this.now() - this.readAt;
    if (!this.keys || age > this.staleMs) return undefined;
    if (age > FRESH_MS) void this.refreshed();
    return this.keys;
  }

  private async refreshed(): Promise<KeySet | undefined> {
    const pause = this.failing ? BACKOFF_MS : COOLDOWN_MS;
    if (!this.asking && this.now() - this.askedAt < pause) return this.usableNow();
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    await this.asking;
    return this.usableNow();
  }

  private usableNow(): KeySet | undefined {
    return this.now() - this.readAt <= this.staleMs ? this.keys : undefined;
  }

  private async ask(): Promise<void> {
    this.askedAt = this.now();
    try {
      this.keys = toKeySet(await fetchJson(this.url));
      this.readAt = this.now();
      this.failing = false;
    } catch (error) {
      this.failing = true;
      const reason = error instanceof Error ? error.message : String(error);
      this.logger.warn({ message: 'JWKS not read', reason, ageSeconds: this.ageSeconds });
    }
  }
}

async function fetchJson(url: string): Promise<unknown> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  const response = await fetch(url, { signal, redirect: 'error' });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the endpoint answered ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > MAX_RESPONSE_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk as Uint8Array);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

/** @throws {Error} for anything without a usable key: what is at hand stays in use. */
function toKeySet(json: unknown): KeySet {
  const { keys } = json as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('the answer is not a JWKS');
  const usable = (keys.slice(0, MAX_KEYS) as JWK[]).filter(isVerificationKey);
  const ed25519 = usable.flatMap((jwk, i) => {
    const key = jwk.kty === 'OKP' ? publicKey(jwk) : undefined;
    return key ? [{ keyId: jwk.kid ?? `ed25519-${i}`, key }] : [];
  });
  const rsa = usable.filter((jwk) => jwk.kty === 'RSA' && publicKey(jwk));
  if (ed25519.length + rsa.length === 0) throw new Error('the JWKS holds no usable key');
  return { ed25519, resolve: createLocalJWKSet({ keys: rsa } satisfies JSONWebKeySet) };
}

/** Undefined for a malformed one, which must not spoil the others. */
function publicKey(jwk: JWK): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk as Record<string, unknown>, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function isVerificationKey(jwk: JWK | null): jwk is JWK {
  if (typeof jwk !== 'object' || jwk === null || 'd' in jwk) return false;
  if (jwk.use !== undefined && jwk.use !== 'sig') return false;
  if (jwk.kid !== undefined && typeof jwk.kid !== 'string') return false;
  return jwk.kty === 'RSA' || (jwk.kty === 'OKP' && jwk.crv === 'Ed25519');
}
