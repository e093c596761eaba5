import { Logger } from '@nestjs/common';
import type { RedisAccess } from '../../config/config.js';
import { redisAddress } from './redis-client.js';

/** Members that errors of Node.js and ioredis may have beside the message. */
interface ConnectionError extends Error {
  readonly code?: string;
  /** In an AggregateError: one error for each address that a host name resolves to. */
  readonly errors?: readonly Error[];
  /** In ioredis's error for a cluster. */
  readonly lastNodeError?: Error;
}

const byAccess = new WeakMap<RedisAccess, RedisAvailability>();

/**
 * Logs when Redis becomes unavailable, and when it is available again. All connections of the
 * process with the same access share one, so an outage is logged once and not once a connection.
 */
export class RedisAvailability {
  private readonly logger = new Logger('Redis');
  private readonly failing = new Set<object>();
  /** Kinds of problems that were logged during this outage, such as ECONNREFUSED. */
  private readonly logged = new Set<string>();

  private constructor(private readonly address: string) {}

  static of(access: RedisAccess): RedisAvailability {
    const known = byAccess.get(access);
    if (known) return known;
    const created = new RedisAvailability(redisAddress(access.url));
    byAccess.set(access, created);
    return created;
  }

  /** Logs the problem, unless one of its kind was logged during this outage. */
  connectionFailed(connection: object, error: unknown): void {
    this.failing.add(connection);
    const problem = problemOf(error);
    const kind = kindOf(error, problem);
    const { address } = this;
    if (this.logged.has(kind)) {
      this.logger.debug({ message: 'Redis is still not available', address, problem });
      return;
    }
    this.logged.add(kind);
    this.logger.warn({ message: 'Redis is not available', address, problem });
  }

  /** Logs the end of the outage when no connection fails any more. */
  connectionWorks(connection: object): void {
    if (!this.failing.delete(connection) || this.failing.size > 0) return;
    this.logged.clear();
    this.logger.log({ message: 'Redis is available again', address: this.address });
  }

  /** The bridge itself closes the connection. */
  forget(connection: object): void {
    this.failing.delete(connection);
    if (this.failing.size === 0) this.logged.clear();
  }
}

function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, errors = [], lastNodeError } = error as ConnectionError;
  const inner = lastNodeError ? [lastNodeError] : errors;
  const messages = [message, ...inner.map((each) => each.message)];
  return messages.filter((text) => text !== '').join(' ');
}

/** The error code of Node.js or Redis in the problem, else the problem without its numbers. */
function kindOf(error: unknown, problem: string): string {
  const { code } = error as ConnectionError;
  return code ?? /\b[A-Z]{3,}\b/.exec(problem)?.[0] ?? problem.replaceAll(/\d+/g, '');
}
