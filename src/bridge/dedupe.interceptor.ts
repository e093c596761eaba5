import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { Request } from 'express';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { Metrics } from '../metrics/metrics.js';
import { PreparedAnswer } from '../server/prepared-answer.js';
import { AckBudgetError, withinBudget } from './ack-budget.js';
import { Attempts, type Outcome } from './attempts.js';
import { deliveryOf } from './delivery.js';

const PUBLISHED = new PreparedAnswer(200, { status: 'published' });
const DUPLICATE = new PreparedAnswer(200, { status: 'duplicate' });

/**
 * Answers a repeat without running the handler again, and everything within the ack budget.
 *
 * A repeat that comes while the first attempt is still running in this process shares its
 * outcome: an answer of 200 must not come before the record is on Kafka.
 */
@Injectable()
export class DedupeInterceptor implements NestInterceptor {
  constructor(
    private readonly attempts: Attempts,
    private readonly metrics: Metrics,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<PreparedAnswer> {
    const { key, deadline } = deliveryOf(context.switchToHttp().getRequest<Request>());
    const twin = this.attempts.underWay(key);
    const outcome = twin ?? this.attempts.start(key, () => lastValueFrom(next.handle()));
    const joined = twin !== undefined;
    return from(
      withinBudget(outcome, deadline).then(
        (result) => this.answer(result, joined),
        (error: unknown) => this.refuse(error, outcome, joined),
      ),
    );
  }

  private answer(outcome: Outcome, joined: boolean): PreparedAnswer {
    if (outcome === 'published' && !joined) return PUBLISHED;
    this.metrics.duplicates.inc();
    return DUPLICATE;
  }

  private refuse(error: unknown, outcome: Promise<Outcome>, joined: boolean): never {
    if (error instanceof AckBudgetError && !joined) void this.countLate(outcome);
    throw error;
  }

  /** What reaches Kafka after its delivery was answered 503. */
  private async countLate(outcome: Promise<Outcome>): Promise<void> {
    const late = await outcome.catch(() => 'failed' as const);
    if (late === 'published') this.metrics.late.inc();
  }
}
