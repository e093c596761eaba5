import { Logger } from '@nestjs/common';
import { runEvery } from '../timing/run-every.js';

/** Keys older than this are read again in the background, in ms. */
const FRESH_MS = 600_000;
/** Shortest interval between two requests after a success, in ms. */
const COOLDOWN_MS = 30_000;
/** Shortest interval between two requests after a failure, in ms. */
const BACKOFF_MS = 5000;
/** Interval of the log lines while the endpoint keeps failing, in ms. */
const LOG_INTERVAL_MS = 60_000;

/** Without current keys a signature cannot be verified. The sender should try again. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
}

/**
 * Keys from a JWKS endpoint.
 *
 * jose's own remote set forgets its keys when the endpoint is down for longer than its cache
 * lasts, and then asks at each verification. This class makes one request at a time, serves old
 * keys within a bound while the endpoint fails, and makes no more requests than the cooldown
 * allows, however many signatures name unknown keys.
 */
export class RemoteKeys<Keys> {
  private readonly logger = new Logger(this.constructor.name);
  private keys: Keys | undefined;
  private readAt = 0;
  private askedAt = -Infinity;
  private failing = false;
  private loggedAt = -Infinity;
  private asking: Promise<void> | undefined;
  private readonly ending = new AbortController();

  /**
   * @param read asks for the keys, in bounded time. Its errors are logged.
   * @param staleMs how long keys are trusted after they were read.
   * @param now milliseconds on a monotonic clock.
   */
  constructor(
    private readonly read: () => Promise<Keys>,
    private readonly staleMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Seconds since the keys were read; -1 when there are no keys. */
  get ageSeconds(): number {
    return this.keys ? (this.now() - this.readAt) / 1000 : -1;
  }

  /** True when the last read failed. */
  get isFailing(): boolean {
    return this.failing;
  }

  /**
   * Calls `verify` with the keys. When it finds no match, reads the keys again, because the key
   * may be new, and calls `verify` a second time.
   *
   * @returns the match, or undefined when the keys are up to date and none matches.
   * @throws {KeysUnavailableError} when there are no keys, or none matches while they cannot
   *   be brought up to date.
   */
  async match<T>(verify: (keys: Keys) => T | Promise<T>): Promise<T | undefined> {
    const keys = this.usable() ?? (await this.refresh());
    if (!keys) throw new KeysUnavailableError('the JWKS endpoint gives no keys');
    const found = await verify(keys);
    if (found !== undefined) return found;
    const newer = await this.refresh();
    const second = newer && newer !== keys ? await verify(newer) : undefined;
    if (second === undefined && this.failing) {
      throw new KeysUnavailableError('no key matches, and the JWKS endpoint is down');
    }
    return second;
  }

  /** Reads the keys before they are needed and keeps them fresh until `close`. */
  keepFresh(): void {
    const { signal } = this.ending;
    const refreshIfNeeded = async () => {
      if (this.failing || !this.keys || this.isOld) await this.refresh();
    };
    void runEvery(refreshIfNeeded, {
      everyMs: BACKOFF_MS,
      signal,
      onError: () => undefined,
    });
  }

  close(): void {
    this.ending.abort();
  }

  private get isOld(): boolean {
    return this.now() - this.readAt > FRESH_MS;
  }

  /** The keys, if they are still trusted. Old keys are refreshed in the background. */
  private usable(): Keys | undefined {
    const keys = this.usableNow();
    if (keys && this.isOld) void this.refresh();
    return keys;
  }

  private async refresh(): Promise<Keys | undefined> {
    const pause = this.failing ? BACKOFF_MS : COOLDOWN_MS;
    if (!this.asking && this.now() - this.askedAt < pause) return this.usableNow();
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    await this.asking;
    return this.usableNow();
  }

  private usableNow(): Keys | undefined {
    return this.now() - this.readAt <= this.staleMs ? this.keys : undefined;
  }

  private async ask(): Promise<void> {
    this.askedAt = this.now();
    try {
      this.keys = await this.read();
      this.readAt = this.now();
      this.failing = false;
    } catch (error) {
      this.logFailure(error);
      this.failing = true;
    }
  }

  private logFailure(error: unknown): void {
    if (this.failing && this.now() - this.loggedAt < LOG_INTERVAL_MS) return;
    this.loggedAt = this.now();
    const reason = reasonOf(error);
    this.logger.warn({ message: 'JWKS not read', reason, ageSeconds: this.ageSeconds });
  }
}

/** The message with that of its cause, because `fetch` only says that it failed. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
