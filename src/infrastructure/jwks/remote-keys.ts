import { Logger } from '@nestjs/common';
import { runEvery } from '../timing/run-every.js';

/** Read again in the background after this time. */
const FRESH_MS = 600_000;
/** At least this long between two requests after a success, whatever signatures say. */
const COOLDOWN_MS = 30_000;
/** The same after a failure. */
const BACKOFF_MS = 5000;

/** While it goes on failing, the log has it this often. */
const TELL_MS = 60_000;

/** Nobody can tell now whether a signature is genuine: the sender should try again. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
}

/**
 * Keys that somebody else publishes.
 *
 * jose's own remote set forgets its keys when the endpoint is down for longer than its
 * cache lasts, and asks again at each verification. Here: one request at a time; keys are
 * served stale, within a bound, while the endpoint fails; and nothing that a signature says
 * can make us ask more often than the cooldown.
 */
export class RemoteKeys<Keys> {
  private readonly logger = new Logger(this.constructor.name);
  private keys: Keys | undefined;
  private readAt = 0;
  private askedAt = -Infinity;
  private failing = false;
  private toldAt = -Infinity;
  private asking: Promise<void> | undefined;
  private readonly ending = new AbortController();

  /**
   * @param read asks for the keys, in bounded time; what it throws is logged.
   * @param staleMs how long keys are trusted after they were read last.
   * @param now milliseconds on a clock that does not go back.
   */
  constructor(
    private readonly read: () => Promise<Keys>,
    private readonly staleMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Seconds since the keys were read; -1 when there are none. */
  get ageSeconds(): number {
    return this.keys ? (this.now() - this.readAt) / 1000 : -1;
  }

  /** Whether the last read failed: nobody has asked with success since. */
  get isFailing(): boolean {
    return this.failing;
  }

  /**
   * Hands the keys to `verify`, and once more after a look at the endpoint when it finds no
   * match, because the key may be new.
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

  /** Has them before they are needed, and notices that they cannot be read before that matters. */
  keepFresh(): void {
    const { signal } = this.ending;
    const look = async () => {
      if (this.failing || !this.keys || this.isOld) await this.refresh();
    };
    void runEvery(look, { everyMs: BACKOFF_MS, signal, onError: () => undefined });
  }

  close(): void {
    this.ending.abort();
  }

  private get isOld(): boolean {
    return this.now() - this.readAt > FRESH_MS;
  }

  /** The keys at hand; asks for newer ones in the background when they are getting old. */
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
    if (this.failing && this.now() - this.toldAt < TELL_MS) return;
    this.toldAt = this.now();
    const reason = reasonOf(error);
    this.logger.warn({ message: 'JWKS not read', reason, ageSeconds: this.ageSeconds });
  }
}

/** With the cause: `fetch` itself says no more than that it failed. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
