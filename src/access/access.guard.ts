import { createHash, timingSafeEqual } from 'node:crypto';
import {
  Inject,
  Injectable,
  type CanActivate,
  type ExecutionContext,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { Request } from 'express';
import { CONFIG, type Config } from '../config.js';
import { Problem } from '../problem/problem.js';
import { entries, WatchedFile } from '../watched-file.js';

const MIN_TOKEN_LENGTH = 16;

/** Who may call the internal API: bearers of a token from `API_TOKENS_FILE`. */
@Injectable()
export class AccessGuard implements CanActivate, OnModuleDestroy {
  private readonly tokens: WatchedFile<Buffer[]> | undefined;

  constructor(@Inject(CONFIG) { access }: Config) {
    this.tokens =
      access.tokensFile === undefined
        ? undefined
        : new WatchedFile('API_TOKENS_FILE', access.tokensFile, parseTokens);
  }

  /** @throws {Problem} 401; never says whether a token was close. */
  canActivate(context: ExecutionContext): true {
    if (!this.tokens) return true; // only with API_AUTH=none, which the configuration checks
    const { authorization } = context.switchToHttp().getRequest<Request>().headers;
    const token = /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(authorization ?? '')?.[1];
    if (token === undefined || !isKnown(digest(token), this.tokens.value)) {
      throw new Problem(401, 'unauthenticated', 'a bearer token is required', {
        'WWW-Authenticate': 'Bearer',
      });
    }
    return true;
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

function isKnown(given: Buffer, tokens: readonly Buffer[]): boolean {
  return tokens.filter((token) => timingSafeEqual(token, given)).length > 0;
}
