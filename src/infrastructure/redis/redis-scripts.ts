import type { RedisAccess } from '../../config/config.js';
import { RedisAvailability } from './redis-availability.js';
import { redisClient, type RedisClient } from './redis-client.js';

/** Longest wait for an answer, in ms. A delivery has four seconds for everything. */
const TIMEOUT_MS = 500;
/**
 * After a call without an answer, further calls fail at once for this long, in ms, so that
 * deliveries do not spend their ack budget on a Redis that hangs.
 */
const SILENCE_MS = 1000;
/** Interval of the pings while no other call is made, in ms. */
const HEARTBEAT_MS = 1000;

const SILENT = 'Redis is silent';

/** Redis did not answer, or not in time. Its effect is for the caller to decide. */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError';
}

/** A script as ioredis adds it to a client: the number of keys, the keys, the arguments. */
type Script = (...parameters: (string | number)[]) => Promise<unknown>;

/** Runs Lua scripts on the bridge's keys. Each run is one atomic step and one round trip. */
export class RedisScripts<Name extends string> {
  /**
   * The prefix of all keys. Its braces keep the keys in one slot of a cluster, which a command
   * with several keys needs.
   */
  readonly prefix: string;
  private readonly client: RedisClient;
  private readonly availability: RedisAvailability;
  private readonly heartbeat: NodeJS.Timeout;
  private silentUntil = 0;
  /** Time of the first call without an answer since the last answer. */
  private failingSince: number | undefined;
  private answeredAt = 0;

  /** @param onReady is called at each connection. */
  constructor(access: RedisAccess, scripts: Record<Name, string>, onReady?: () => void) {
    this.prefix = `{${access.keyPrefix ?? 'gemini-bridge'}}:`;
    this.availability = RedisAvailability.of(access);
    this.client = redisClient(access);
    for (const [name, lua] of Object.entries<string>(scripts)) {
      this.client.defineCommand(name, { lua });
    }
    this.client.on('ready', () => {
      this.recordAnswer();
      onReady?.();
    });
    this.client.on('error', (error: Error) => {
      this.availability.connectionFailed(this, error);
    });
    this.heartbeat = setInterval(() => void this.pingWhenIdle(), HEARTBEAT_MS);
    this.heartbeat.unref();
  }

  /** Undefined while Redis answers, else why not. A Redis that hangs keeps its connections. */
  get unready(): string | undefined {
    if (this.client.status !== 'ready') return `Redis is ${this.client.status}`;
    return this.failingSince === undefined ? undefined : SILENT;
  }

  /**
   * Runs a script.
   *
   * @param keys without the prefix.
   * @param rest the arguments of the script.
   * @throws {RedisUnavailableError}
   */
  async run<Answer>(
    name: Name,
    keys: readonly string[],
    ...rest: (string | number)[]
  ): Promise<readonly Answer[]> {
    if (this.isSilent) throw new RedisUnavailableError(SILENT);
    try {
      const names = keys.map((key) => this.prefix + key);
      const script = (this.client as unknown as Record<Name, Script>)[name];
      const answer = script.call(this.client, keys.length, ...names, ...rest);
      const found = (await inTime(answer)) as Answer[];
      this.recordAnswer();
      return found;
    } catch (cause) {
      this.recordFailure(cause);
      throw new RedisUnavailableError('Redis did not answer', { cause });
    }
  }

  close(): void {
    clearInterval(this.heartbeat);
    this.availability.forget(this);
    this.client.disconnect();
  }

  private get isSilent(): boolean {
    return performance.now() < this.silentUntil;
  }

  /** Notices a Redis that hangs, and that it answers again, while no script is run. */
  private async pingWhenIdle(): Promise<void> {
    if (this.client.status !== 'ready') return;
    if (performance.now() - this.answeredAt < HEARTBEAT_MS) return;
    try {
      await inTime(this.client.ping());
      this.recordAnswer();
    } catch (error) {
      this.recordFailure(error);
    }
  }

  private recordAnswer(): void {
    this.failingSince = undefined;
    this.answeredAt = performance.now();
    this.silentUntil = 0;
    this.availability.connectionWorks(this);
  }

  /**
   * Reports an open connection that has not answered for SILENCE_MS. One late answer is not
   * reported, because a busy machine can cause it. A lost connection has an error event.
   */
  private recordFailure(error: unknown): void {
    const now = performance.now();
    this.silentUntil = now + SILENCE_MS;
    this.failingSince ??= now;
    const isSilence = now - this.failingSince >= SILENCE_MS;
    if (isSilence && this.client.status === 'ready') {
      this.availability.connectionFailed(this, error);
    }
  }
}

/**
 * The answer, or an error when it takes longer than TIMEOUT_MS. If the process itself was busy,
 * the answer may have arrived without being read, so what has arrived is read first.
 */
function inTime<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error(`no answer within ${TIMEOUT_MS} ms`));
    const timer = setTimeout(() => setImmediate(fail), TIMEOUT_MS);
    const end = <V>(settle: (value: V) => void) => {
      return (value: V): void => {
        clearTimeout(timer);
        settle(value);
      };
    };
    answer.then(end(resolve), end(reject));
  });
}
