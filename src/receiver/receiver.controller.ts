import {
  Controller,
  HttpCode,
  Inject,
  Logger,
  Post,
  Req,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import type { Request } from 'express';
import { CONFIG, type Config } from '../config/config.js';
import type { GeminiEvent } from '../events/gemini-event.js';
import { JOB_SUBROUTE, STATIC_ROUTE } from '../events/webhook-routes.js';
import { jobScope, reconciledId } from '../jobs/job-events.js';
import { dedupeKey, outcomeKey } from '../publishing/dedupe-key.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { Publications, type Outcome } from '../publishing/publications.js';
import {
  EventPublisher,
  type EventRecord,
  type PublishPermit,
} from '../publishing/event-publisher.js';
import { JobRegistry } from '../jobs/job-registry.js';
import { ReceiverErrorFilter } from './receiver-error.filter.js';
import { DedupeInterceptor } from './dedupe.interceptor.js';
import { deliveryOf, permitOf, type Delivery } from './delivery.js';
import { EventConfirmation } from './job-matching/event-confirmation.js';
import { JobEventRecorder } from './job-matching/job-event-recorder.js';
import { JobMatcher, type EventJob } from './job-matching/job-matcher.js';
import {
  deadLetterRecord,
  eventOf,
  eventRecord,
  type DeadLetterReason,
} from './delivery-record.js';
import { VerificationGuard } from './verification.guard.js';

/** Verified deliveries in, records out. Returning means that Kafka has the record. */
@Controller(STATIC_ROUTE)
@UseGuards(VerificationGuard)
@UseInterceptors(DedupeInterceptor)
@UseFilters(ReceiverErrorFilter)
export class ReceiverController {
  private readonly logger = new Logger(ReceiverController.name);
  private readonly prefix: string;

  constructor(
    private readonly publisher: EventPublisher,
    private readonly attempts: Publications,
    private readonly jobs: JobRegistry,
    private readonly identity: JobMatcher,
    private readonly confirmation: EventConfirmation,
    private readonly notes: JobEventRecorder,
    private readonly metrics: Metrics,
    @Inject(CONFIG) config: Config,
  ) {
    this.prefix = config.topics.prefix;
  }

  /** A static webhook: one URL for everything in the project. */
  @Post()
  @HttpCode(200)
  receive(@Req() request: Request): Promise<Outcome> {
    const delivery = deliveryOf(request);
    const permit = permitOf(request);
    const event = eventOf(delivery);
    if (typeof event === 'string') return this.publishDeadLetter(delivery, event, permit);
    if (!this.identity.isWanted) return this.publishEvent(delivery, event, permit);
    return this.identity
      .ofName(event)
      .then((job) => this.publishEvent(delivery, event, permit, job));
  }

  /** A dynamic webhook: a URL for one job. */
  @Post(JOB_SUBROUTE)
  @HttpCode(200)
  async receiveForJob(@Req() request: Request): Promise<Outcome> {
    const received = deliveryOf(request);
    const permit = permitOf(request);
    const { capability } = received;
    if (!capability) throw new Error('VerificationGuard found no capability');
    const job = await this.jobs.find(capability.jobId);
    const delivery = received.proof.bodyBound
      ? received
      : await this.confirmation.confirm(received, job);
    const event = eventOf(delivery);
    if (typeof event === 'string') return this.publishDeadLetter(delivery, event, permit);
    const owner = this.identity.ofPath(capability, job, event, received.proof.body);
    if (typeof owner === 'string') return this.publishDeadLetter(delivery, owner, permit);
    return this.publishEvent(delivery, event, permit, owner);
  }

  private async publishEvent(
    delivery: Delivery,
    event: GeminiEvent,
    permit: PublishPermit,
    job?: EventJob,
  ): Promise<Outcome> {
    delivery.trace.continue(job?.traceparent);
    const record = eventRecord(delivery, event, this.prefix, job);
    const result =
      job?.outcome === undefined
        ? await this.publish(record, permit, delivery)
        : await this.publishOutcome(job.jobId, job.outcome, record, permit, delivery);
    if (job) await this.notes.record(job.jobId, event, delivery.proof.id);
    if (event.time !== undefined && result === 'published') {
      const ageMs = Date.now() - Date.parse(event.time);
      this.metrics.eventAgeSeconds.observe(ageMs / 1000);
    }
    return result;
  }

  /** Unless it was found out before it came. */
  private async publishOutcome(
    jobId: string,
    outcome: string,
    record: EventRecord,
    permit: PublishPermit,
    delivery: Delivery,
  ): Promise<Outcome> {
    let isOurs = false;
    await this.attempts.runOnce(outcomeKey(outcome), delivery.deadline, (own) => {
      isOurs = true;
      return this.publish(record, own, delivery);
    });
    if (isOurs) return 'published';
    const reconciled = dedupeKey(jobScope(jobId), reconciledId(outcome));
    if (await this.attempts.isPublished(reconciled)) return 'duplicate';
    // Told by a delivery with another id, of which this is no repeat
    return this.publish(record, permit, delivery);
  }

  /** Verified, and no event of ours: kept, so that somebody can look. */
  private publishDeadLetter(
    delivery: Delivery,
    reason: DeadLetterReason,
    permit: PublishPermit,
  ): Promise<Outcome> {
    this.metrics.deadLetters.inc({ reason });
    const letter = deadLetterRecord(delivery, reason, this.prefix);
    return this.publish(letter, permit, delivery);
  }

  private async publish(
    record: EventRecord,
    permit: PublishPermit,
    { proof, trace }: Delivery,
  ): Promise<Outcome> {
    await this.publisher.publish(record, permit);
    this.metrics.accepted.inc({ topic: record.topic });
    this.logger.debug({
      message: 'published',
      webhookId: proof.id,
      traceId: trace.traceId,
      topic: record.topic,
    });
    return 'published';
  }
}
