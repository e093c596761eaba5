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
import { jobScope, reconciledId } from '../jobs/job-events.js';
import { outcomeKey } from '../publishing/history/record-scan.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { Attempts, type Outcome } from '../publishing/publications.js';
import {
  EventPublisher,
  type EventRecord,
  type Permit,
} from '../publishing/event-publisher.js';
import { JobRegistry } from '../jobs/job-registry.js';
import { BridgeErrorFilter } from './receiver-error.filter.js';
import { DedupeInterceptor } from './dedupe.interceptor.js';
import { deliveryOf, permitOf, type Delivery } from './delivery.js';
import { EventConfirmation } from './job-matching/event-confirmation.js';
import { EventNotes } from './job-matching/job-event-recorder.js';
import { JobIdentity, type EventJob } from './job-matching/job-matcher.js';
import {
  deadLetterRecord,
  eventOf,
  eventRecord,
  type DeadLetterReason,
} from './delivery-record.js';
import { VerificationGuard } from './verification.guard.js';

/** Verified deliveries in, records out. Returning means that Kafka has the record. */
@Controller('webhooks/gemini')
@UseGuards(VerificationGuard)
@UseInterceptors(DedupeInterceptor)
@UseFilters(BridgeErrorFilter)
export class BridgeController {
  private readonly logger = new Logger(BridgeController.name);
  private readonly prefix: string;

  constructor(
    private readonly publisher: EventPublisher,
    private readonly attempts: Attempts,
    private readonly jobs: JobRegistry,
    private readonly identity: JobIdentity,
    private readonly confirmation: EventConfirmation,
    private readonly notes: EventNotes,
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
    if (typeof event === 'string') return this.bury(delivery, event, permit);
    if (!this.identity.isWanted) return this.publishEvent(delivery, event, permit);
    return this.identity
      .ofName(event)
      .then((job) => this.publishEvent(delivery, event, permit, job));
  }

  /** A dynamic webhook: a URL for one job. */
  @Post('jobs/:token')
  @HttpCode(200)
  async receiveForJob(@Req() request: Request): Promise<Outcome> {
    const received = deliveryOf(request);
    const permit = permitOf(request);
    const { capability } = received;
    if (!capability) throw new Error('VerificationGuard found no capability');
    const job = await this.jobs.find(capability.jobId);
    const delivery = received.proof.bodyBound
      ? received
      : await this.confirmation.confirmed(received, job);
    const event = eventOf(delivery);
    if (typeof event === 'string') return this.bury(delivery, event, permit);
    const owner = this.identity.ofPath(capability, job, event, received.proof.body);
    if (typeof owner === 'string') return this.bury(delivery, owner, permit);
    return this.publishEvent(delivery, event, permit, owner);
  }

  private async publishEvent(
    delivery: Delivery,
    event: GeminiEvent,
    permit: Permit,
    job?: EventJob,
  ): Promise<Outcome> {
    delivery.trace.continue(job?.traceparent);
    const record = eventRecord(delivery, event, this.prefix, job);
    const result =
      job?.outcome === undefined
        ? await this.publish(record, permit, delivery)
        : await this.publishOutcome(job.jobId, job.outcome, record, permit, delivery);
    if (job) await this.notes.note(job.jobId, event, delivery.proof.id);
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
    permit: Permit,
    delivery: Delivery,
  ): Promise<Outcome> {
    let isOurs = false;
    await this.attempts.once(outcomeKey(outcome), delivery.deadline, (own) => {
      isOurs = true;
      return this.publish(record, own, delivery);
    });
    if (isOurs) return 'published';
    const reconciled = `${jobScope(jobId)}:${reconciledId(outcome)}`;
    if (await this.attempts.isPublished(reconciled)) return 'duplicate';
    // Told by a delivery with another id, of which this is no repeat
    return this.publish(record, permit, delivery);
  }

  /** Verified, and no event of ours: kept, so that somebody can look. */
  private bury(
    delivery: Delivery,
    reason: DeadLetterReason,
    permit: Permit,
  ): Promise<Outcome> {
    this.metrics.deadLetters.inc({ reason });
    const letter = deadLetterRecord(delivery, reason, this.prefix);
    return this.publish(letter, permit, delivery);
  }

  private async publish(
    record: EventRecord,
    permit: Permit,
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
