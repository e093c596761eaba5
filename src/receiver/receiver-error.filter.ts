import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { GeminiError } from '../gemini/gemini.error.js';
import { KeysUnavailableError } from '../infrastructure/jwks/remote-keys.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { PublishError, type PublishFault } from '../publishing/event-publisher.js';
import { RedisUnavailableError } from '../infrastructure/redis/redis-scripts.js';
import { refusalFor, type RefusalReason } from './refusals.js';
import { SecretsUnsettledError, SignatureError } from '../signature/signature.error.js';
import { SecretsUnavailableError } from '../signing-secrets/secrets-store.js';
import { DeadlineError } from '../infrastructure/timing/deadline.js';
import { traceIdOf } from './delivery.js';
import {
  DedupeUnavailableError,
  DeliveryPendingError,
} from '../publishing/publications.js';
import { LogRateLimit } from '../infrastructure/logging/log-rate-limit.js';

const REASON_BY_ERROR = new Map<unknown, RefusalReason>([
  [KeysUnavailableError, 'keys-unavailable'],
  [SecretsUnsettledError, 'secrets-unsettled'],
  [SecretsUnavailableError, 'secrets-unavailable'],
  [DeliveryPendingError, 'in-progress'],
  [DeadlineError, 'ack-budget-spent'],
  [DedupeUnavailableError, 'dedupe-unavailable'],
  [GeminiError, 'gemini-unavailable'],
  [RedisUnavailableError, 'registry-unavailable'],
]);

const REASON_BY_FAULT: Partial<Record<PublishFault, RefusalReason>> = {
  'queue-full': 'overloaded',
  'log-behind': 'log-behind',
};

/** Makes an answer of every error on a webhook route, counts it and logs it. */
@Catch()
export class ReceiverErrorFilter implements ExceptionFilter<Error> {
  private readonly logger = new Logger(ReceiverErrorFilter.name);
  /** For lines that any sender can cause. They must not use up the lines of the failures. */
  private readonly strangersLimit = new LogRateLimit();
  private readonly failuresLimit = new LogRateLimit();

  constructor(private readonly metrics: Metrics) {}

  catch(error: Error, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reason = reasonOf(error);
    this.metrics.refusals.inc({ reason });
    this.log(reason, error, http.getRequest<Request>());
    refusalFor(reason).send(http.getResponse<Response>());
  }

  private log(reason: RefusalReason, error: Error, request: Request): void {
    // Any sender can cause these 503 as well, with a signature that matches no secret
    const isStrangers = refusalFor(reason).status < 500 || reason.startsWith('secrets-');
    const limit = isStrangers ? this.strangersLimit : this.failuresLimit;
    if (!limit.tryAcquire()) return;
    const id = request.headers['webhook-id'];
    const webhookId = typeof id === 'string' ? id.slice(0, 256) : undefined;
    const traceId = traceIdOf(request);
    const line = { message: 'delivery refused', reason, webhookId, traceId };
    if (reason === 'internal') this.logger.error({ ...line, error });
    else this.logger.warn({ ...line, cause: causeOf(error) });
  }
}

function reasonOf(error: Error): RefusalReason {
  if (error instanceof SignatureError) return error.fault;
  if (error instanceof PublishError)
    return REASON_BY_FAULT[error.fault] ?? 'kafka-unavailable';
  return REASON_BY_ERROR.get(error.constructor) ?? 'internal';
}

/**
 * The message of the error, or what Kafka said. Other causes are not logged, because they may quote
 * bytes of the request.
 */
function causeOf(error: Error): string {
  let deepest = error;
  if (error instanceof PublishError) {
    while (deepest.cause instanceof Error) deepest = deepest.cause;
  }
  return deepest.message;
}
