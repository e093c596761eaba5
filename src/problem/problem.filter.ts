import { STATUS_CODES } from 'node:http';
import {
  Catch,
  HttpException,
  Logger,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import type { Response } from 'express';
import { Problem } from './problem.js';

/**
 * Errors of the internal API as problem details.
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

  private toProblem(error: unknown): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof HttpException) {
      const status = error.getStatus();
      const [code, detail] = FRAMEWORK[status] ?? ['refused', 'the request was refused'];
      return new Problem(status, code, detail);
    }
    this.logger.error({ message: 'internal API failed', error });
    return new Problem(500, 'internal', 'the bridge failed; its log says why');
  }
}

/** What Express and Nest refuse by themselves. Their own messages may quote the body. */
const FRAMEWORK: Readonly<Record<number, [code: string, detail: string]>> = {
  400: ['malformed', 'the request cannot be read: is the body JSON?'],
  404: ['not-found', 'there is nothing at this path, or not with this method'],
  413: ['body-too-large', 'the body is too large'],
  415: ['unsupported-media-type', 'the encoding of the body is not supported'],
};
