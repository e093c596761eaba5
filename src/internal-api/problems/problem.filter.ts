import { STATUS_CODES } from 'node:http';
import {
  Catch,
  HttpException,
  Logger,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import type { Response } from 'express';
import { RedisUnavailableError } from '../../infrastructure/redis/redis-scripts.js';
import { SecretsUnavailableError } from '../../signing-secrets/secrets-store.js';
import { ProblemException } from './problem.exception.js';
import type { ProblemRow } from './problem-codes.js';

/**
 * Writes errors of the internal API as problem details.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9457
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = this.toProblem(error);
    const { status, code, message: detail, headers, extensions } = problem;
    const title = STATUS_CODES[status];
    host
      .switchToHttp()
      .getResponse<Response>()
      .status(status)
      .set({ ...headers, 'Content-Type': 'application/problem+json' })
      .send(
        JSON.stringify({
          type: 'about:blank',
          title,
          status,
          code,
          detail,
          ...extensions,
        }),
      );
  }

  private toProblem(error: unknown): ProblemException {
    if (error instanceof ProblemException) return error;
    const row = error instanceof HttpException && FRAMEWORK.get(error.getStatus());
    if (row) {
      const [status, code, detail] = row;
      return new ProblemException(status, code, detail);
    }
    if (error instanceof RedisUnavailableError) {
      this.logger.warn({
        message: 'internal API call failed: Redis does not answer',
        error,
      });
      const detail =
        'Redis does not answer; the operation may have been done nevertheless';
      return new ProblemException(503, 'registry-unavailable', detail, {
        'Retry-After': '5',
      });
    }
    if (error instanceof SecretsUnavailableError) {
      const again = { 'Retry-After': '5' };
      return new ProblemException(503, 'vault-unavailable', error.message, again);
    }
    this.logger.error({ message: 'internal API failed', error });
    return new ProblemException(
      500,
      'internal',
      'the bridge failed; its log has the error',
    );
  }
}

const ROWS: readonly ProblemRow[] = [
  [400, 'malformed', 'the request cannot be parsed: want a body of valid JSON'],
  [404, 'not-found', 'there is no such path, or not with this method'],
  [413, 'body-too-large', 'the body is too large'],
  [415, 'unsupported-media-type', 'the encoding of the body is not supported'],
];

/** Errors of Express and Nest by status. Their own messages may quote the body. */
const FRAMEWORK: ReadonlyMap<number, ProblemRow> = new Map(
  ROWS.map((row) => [row[0], row]),
);
