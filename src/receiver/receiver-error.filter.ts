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

/** The one place where the bridge's errors become answers. */
@Catch()
export class ReceiverErrorFilter implements ExceptionFilter<Error> {
  private readonly logger = new Logger(ReceiverErrorFilter.name);
  // Apart, so that strangers cannot drown the failures
  private readonly refusals = new LogRateLimit();
  private readonly failures = new LogRateLimit();

  constructor(private readonly metrics: Metrics) {}

  catch(error: Error, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reason = reasonOf(error);
    this.metrics.refusals.inc({ reason });
    this.log(reason, error, http.getRequest<Request>());
    refusalFor(reason).send(http.getResponse<Response>());
  }

  private log(reason: RefusalReason, error: Error, request: Request): void {
    // Also a 503 that anybody can have
    const isAnybodys = refusalFor(reason).status < 500 || reason.startsWith('secrets-');
    const quota = isAnybodys ? this.refusals : this.failures;
    if (!quota.tryAcquire()) return;
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

/** Of our own errors only what Kafka said goes deeper: other causes may quote what they met. */
function causeOf(error: Error): string {
  let at = error;
  if (error instanceof PublishError) while (at.cause instanceof Error) at = at.cause;
  return at.message;
}
