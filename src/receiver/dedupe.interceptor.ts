import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { Request } from 'express';
import { lastValueFrom, Observable } from 'rxjs';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import type { Permit } from '../publishing/event-publisher.js';
import { PreparedAnswer } from './refusals.js';
import { AckBudgetError } from '../infrastructure/timing/deadline.js';
import { Attempts, type Outcome } from '../publishing/publications.js';
import { attachPermit, deliveryOf, type Delivery } from './delivery.js';
import type { DeliveryTrace } from './tracing/delivery-trace.js';
import { EventNotes } from './job-matching/job-event-recorder.js';

const PUBLISHED = new PreparedAnswer(200, { status: 'published' }, {}, 'published');
const DUPLICATE = new PreparedAnswer(200, { status: 'duplicate' }, {}, 'duplicate');

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
    private readonly notes: EventNotes,
    private readonly metrics: Metrics,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<PreparedAnswer> {
    const request = context.switchToHttp().getRequest<Request>();
    const delivery = deliveryOf(request);
    const { key, deadline, capability, trace } = delivery;
    const twin = this.attempts.underWay(key);
    const publish = (permit: Permit) => {
      trace.claimed();
      attachPermit(request, permit);
      return trace.handling(lastValueFrom(next.handle()));
    };
    if (!twin) trace.claiming();
    const outcome = twin ?? this.attempts.start(key, deadline, publish);
    const noted = capability && !twin ? this.noted(outcome, delivery) : outcome;
    return this.answer(noted, twin !== undefined, deadline, trace);
  }

  private async noted(outcome: Promise<Outcome>, delivery: Delivery): Promise<Outcome> {
    const result = await outcome;
    if (result === 'duplicate') await this.notes.noteRepeat(delivery);
    return result;
  }

  /** One Observable without operators: a chain of them costs 10 µs a delivery. */
  private answer(
    outcome: Promise<Outcome>,
    joined: boolean,
    deadline: number,
    trace: DeliveryTrace,
  ): Observable<PreparedAnswer> {
    return new Observable((subscriber) => {
      let spent = false;
      const timer = setTimeout(() => {
        spent = true;
        failed(new AckBudgetError('ack budget spent'));
      }, deadline - performance.now());
      const settled = (result: Outcome): void => {
        clearTimeout(timer);
        this.count(result, joined, spent);
        subscriber.next(result === 'published' && !joined ? PUBLISHED : DUPLICATE);
        subscriber.complete();
        trace.answered();
      };
      const failed = (error: unknown): void => {
        clearTimeout(timer);
        subscriber.error(error);
        trace.answered(error);
      };
      outcome.then(settled, failed);
    });
  }

  private count(result: Outcome, joined: boolean, spent: boolean): void {
    if (!spent && (joined || result === 'duplicate')) this.metrics.duplicates.inc();
    else if (spent && !joined && result === 'published') this.metrics.late.inc();
  }
}
