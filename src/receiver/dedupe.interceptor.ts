import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import type { Request } from 'express';
import { lastValueFrom, Observable } from 'rxjs';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { DeadlineError } from '../infrastructure/timing/deadline.js';
import { Publications } from '../publishing/publications.js';
import type { ProcessingResult } from './delivery-processor.js';
import { attachPermit, deliveryOf, type Delivery } from './delivery.js';
import { JobEventRecorder } from './job-matching/job-event-recorder.js';
import { PrebuiltResponse } from './refusals.js';

const PUBLISHED = new PrebuiltResponse(200, { status: 'published' }, {}, 'published');
/** Gemini gets the same bytes as for an event; only the metric tells the difference. */
const DEAD_LETTERED = new PrebuiltResponse(
  200,
  { status: 'published' },
  {},
  'dead-lettered',
);
const DUPLICATE = new PrebuiltResponse(200, { status: 'duplicate' }, {}, 'duplicate');

/**
 * Answers a repeat without running the handler again, and every delivery within the ack budget.
 *
 * A repeat that arrives while this process still works on the first delivery shares its outcome:
 * an answer of 200 must not come before the record is on Kafka.
 */
@Injectable()
export class DedupeInterceptor implements NestInterceptor {
  constructor(
    private readonly publications: Publications,
    private readonly recorder: JobEventRecorder,
    private readonly metrics: Metrics,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<PrebuiltResponse> {
    const request = context.switchToHttp().getRequest<Request>();
    const delivery = deliveryOf(request);
    const inFlight = this.publications.inFlight(delivery.key);
    const answer = inFlight
      ? inFlight.then(() => DUPLICATE)
      : this.publish(request, delivery, next);
    return this.answerInTime(answer, delivery);
  }

  private async publish(
    request: Request,
    delivery: Delivery,
    next: CallHandler,
  ): Promise<PrebuiltResponse> {
    const { key, deadline, capability, trace } = delivery;
    let isDeadLetter = false;
    trace.claiming();
    const outcome = await this.publications.begin(key, deadline, async (permit) => {
      trace.claimed();
      attachPermit(request, permit);
      const handled = lastValueFrom(next.handle()) as Promise<ProcessingResult>;
      const result = await trace.handling(handled);
      isDeadLetter = result === 'dead-lettered';
      return result;
    });
    if (outcome === 'published') return isDeadLetter ? DEAD_LETTERED : PUBLISHED;
    if (capability) await this.recorder.recordDuplicate(delivery);
    return DUPLICATE;
  }

  /** One Observable without operators: a chain of them costs 10 µs a delivery. */
  private answerInTime(
    answer: Promise<PrebuiltResponse>,
    { deadline, trace }: Delivery,
  ): Observable<PrebuiltResponse> {
    return new Observable((subscriber) => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        fail(new DeadlineError('ack budget spent'));
      }, deadline - performance.now());
      const succeed = (response: PrebuiltResponse): void => {
        clearTimeout(timer);
        this.count(response, isLate);
        subscriber.next(response);
        subscriber.complete();
        trace.answered();
      };
      const fail = (error: unknown): void => {
        clearTimeout(timer);
        subscriber.error(error);
        trace.answered(error);
      };
      answer.then(succeed, fail);
    });
  }

  private count(response: PrebuiltResponse, isLate: boolean): void {
    const isDuplicate = response === DUPLICATE;
    if (!isLate && isDuplicate) this.metrics.duplicates.inc();
    if (isLate && !isDuplicate) this.metrics.late.inc();
  }
}
