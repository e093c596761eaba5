import { Logger } from '@nestjs/common';
import type { RedisAccess } from '../../config/config.js';
import { redisClient, type RedisClient } from './redis-client.js';

/** A delivery waits at most this long for the store, of its four seconds, in ms. */
const TIMEOUT_MS = 500;
/** A delivery must not spend its ack budget on a store that hangs, in ms. */
const SILENCE_MS = 1000;

const HEARTBEAT_MS = 1000;

const SILENT = 'Redis is silent';

/** Redis did not answer, or not in time: what that means is its caller's to say. */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError';
}

/** A script as ioredis adds it to a client: the number of keys, the keys, the rest. */
type Script = (...parameters: (string | number)[]) => Promise<unknown>;

/** Runs Lua scripts on keys of ours: each is one atomic step and one round trip. */
export class RedisScripts<Name extends string> {
  private readonly logger = new Logger('Redis');
  /** In braces: what keeps all keys in one slot of a cluster, as a command with many needs it. */
  readonly prefix: string;
  private readonly client: RedisClient;
  private readonly heartbeat: NodeJS.Timeout;
  private silentUntil = 0;
  /** False from a call without an answer to the next with one. */
  private isHeard = true;
  private heardAt = 0;

  /** @param onReady called at each connection. */
  constructor(access: RedisAccess, scripts: Record<Name, string>, onReady?: () => void) {
    this.prefix = `{${access.keyPrefix ?? 'gemini-bridge'}}:`;
    this.client = redisClient(access);
    for (const [name, lua] of Object.entries<string>(scripts)) {
      this.client.defineCommand(name, { lua });
    }
    this.client.on('ready', () => {
      this.heard();
      onReady?.();
    });
    this.heartbeat = setInterval(() => void this.listen(), HEARTBEAT_MS);
    this.heartbeat.unref();
    this.client.on('error', (error: Error) => {
      this.logger.debug({ message: 'Redis connection', reason: error.message });
    });
  }

  /** One that hangs keeps its connection, so that is said as well. */
  get unready(): string | undefined {
    if (this.client.status !== 'ready') return `Redis is ${this.client.status}`;
    return this.isHeard ? undefined : SILENT;
  }

  /**
   * After one call without an answer the next fail at once, for a moment.
   *
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
      this.heard();
      return found;
    } catch (cause) {
      this.unheard();
      throw new RedisUnavailableError('Redis did not answer', { cause });
    }
  }

  private get isSilent(): boolean {
    return performance.now() < this.silentUntil;
  }

  /** One that hangs keeps its connection, and where nothing else is asked nobody would notice. */
  private async listen(): Promise<void> {
    if (this.client.status !== 'ready') return;
    if (performance.now() - this.heardAt < HEARTBEAT_MS) return;
    try {
      await inTime(this.client.ping());
      this.heard();
    } catch {
      this.unheard();
    }
  }

  private heard(): void {
    this.isHeard = true;
    this.heardAt = performance.now();
    this.silentUntil = 0;
  }

  private unheard(): void {
    this.isHeard = false;
    this.silentUntil = performance.now() + SILENCE_MS;
  }

  close(): void {
    clearInterval(this.heartbeat);
    this.client.disconnect();
  }
}

/**
 * The answer, unless it takes too long. Of a process that had no time itself the answer may
 * have come and not been read: what is there is read before the time counts as over.
 */
function inTime<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = (): void => reject(new Error('no answer in time'));
    const timer = setTimeout(() => setImmediate(give), TIMEOUT_MS);
    const end = <V>(settle: (value: V) => void) => {
      return (value: V): void => {
        clearTimeout(timer);
        settle(value);
      };
    };
    answer.then(end(resolve), end(reject));
  });
}
