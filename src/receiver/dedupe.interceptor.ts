import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { Request } from 'express';
import { lastValueFrom, Observable } from 'rxjs';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import type { PublishPermit } from '../publishing/event-publisher.js';
import { PrebuiltResponse } from './refusals.js';
import { DeadlineError } from '../infrastructure/timing/deadline.js';
import { Publications, type Outcome } from '../publishing/publications.js';
import { attachPermit, deliveryOf, type Delivery } from './delivery.js';
import type { DeliveryTrace } from './tracing/delivery-trace.js';
import { JobEventRecorder } from './job-matching/job-event-recorder.js';

const PUBLISHED = new PrebuiltResponse(200, { status: 'published' }, {}, 'published');
const DUPLICATE = new PrebuiltResponse(200, { status: 'duplicate' }, {}, 'duplicate');

/**
 * Answers a repeat without running the handler again, and everything within the ack budget.
 *
 * A repeat that comes while the first attempt is still running in this process shares its
 * outcome: an answer of 200 must not come before the record is on Kafka.
 */
@Injectable()
export class DedupeInterceptor implements NestInterceptor {
  constructor(
    private readonly attempts: Publications,
    private readonly notes: JobEventRecorder,
    private readonly metrics: Metrics,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<PrebuiltResponse> {
    const request = context.switchToHttp().getRequest<Request>();
    const delivery = deliveryOf(request);
    const { key, deadline, capability, trace } = delivery;
    const twin = this.attempts.inFlight(key);
    const publish = (permit: PublishPermit) => {
      trace.claimed();
      attachPermit(request, permit);
      return trace.handling(lastValueFrom(next.handle()));
    };
    if (!twin) trace.claiming();
    const outcome = twin ?? this.attempts.begin(key, deadline, publish);
    const recordDuplicate = capability && !twin ? this.noted(outcome, delivery) : outcome;
    return this.answer(recordDuplicate, twin !== undefined, deadline, trace);
  }

  private async noted(outcome: Promise<Outcome>, delivery: Delivery): Promise<Outcome> {
    const result = await outcome;
    if (result === 'duplicate') await this.notes.recordDuplicate(delivery);
    return result;
  }

  /** One Observable without operators: a chain of them costs 10 µs a delivery. */
  private answer(
    outcome: Promise<Outcome>,
    joined: boolean,
    deadline: number,
    trace: DeliveryTrace,
  ): Observable<PrebuiltResponse> {
    return new Observable((subscriber) => {
      let spent = false;
      const timer = setTimeout(() => {
        spent = true;
        failed(new DeadlineError('ack budget spent'));
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
