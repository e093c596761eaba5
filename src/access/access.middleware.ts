import { createHash, timingSafeEqual } from 'node:crypto';
import {
  Inject,
  Injectable,
  type NestMiddleware,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { CONFIG, type Config } from '../config.js';
import { Problem } from '../problem/problem.js';
import { entries, WatchedFile } from '../watched-file.js';

const MIN_TOKEN_LENGTH = 16;

/**
 * Who may call the internal API: bearers of a token from `API_TOKENS_FILE`.
 *
 * Middleware and not a guard, because it has to come before the parser of the body:
 * nobody else's megabytes are worth reading.
 */
@Injectable()
export class AccessMiddleware implements NestMiddleware, OnModuleDestroy {
  private readonly tokens: WatchedFile<Buffer[]> | undefined;

  constructor(@Inject(CONFIG) { access }: Config) {
    this.tokens =
      access.tokensFile === undefined
        ? undefined
        : new WatchedFile('API_TOKENS_FILE', access.tokensFile, parseTokens);
  }

  /** @throws {Problem} 401; never says whether a token was close. */
  use({ headers }: Request, _response: Response, next: NextFunction): void {
    // Without tokens only with API_AUTH=none, which the configuration checks
    if (this.tokens && !isBearer(headers.authorization, this.tokens.value)) {
      throw new Problem(401, 'unauthenticated', 'a bearer token is required', {
        'WWW-Authenticate': 'Bearer',
      });
    }
    next();
  }

  onModuleDestroy(): void {
    this.tokens?.close();
  }
}

/** @throws {Error} for a file without a token, or with one that could be guessed. */
function parseTokens(text: string): Buffer[] {
  const tokens = entries(text);
  if (tokens.length === 0) throw new Error('there is no token');
  if (tokens.some(({ length }) => length < MIN_TOKEN_LENGTH)) {
    throw new Error(`a token has at least ${MIN_TOKEN_LENGTH} characters`);
  }
  return tokens.map(digest);
}

/** Compared by digest: equal lengths, and the time tells nothing about the token. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function isBearer(authorization = '', tokens: readonly Buffer[]): boolean {
  const token = /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(authorization)?.[1];
  if (token === undefined) return false;
  const given = digest(token);
  return tokens.filter((known) => timingSafeEqual(known, given)).length > 0;
}
