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
import { CONFIG, type Config } from '../config.js';
import type { GeminiEvent } from '../event/gemini-event.js';
import { Metrics } from '../metrics/metrics.js';
import {
  EventPublisher,
  type EventRecord,
  type Permit,
} from '../publisher/event-publisher.js';
import { JobRegistry, type KnownJob } from '../registry/job-registry.js';
import { BridgeErrorFilter } from './bridge-error.filter.js';
import { DedupeInterceptor } from './dedupe.interceptor.js';
import { deliveryOf, permitOf, type Delivery } from './delivery.js';
import { EventConfirmation } from './event-confirmation.js';
import {
  deadLetterRecord,
  eventOf,
  eventRecord,
  type DeadLetterReason,
} from './record.js';
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
    private readonly jobs: JobRegistry,
    private readonly confirmation: EventConfirmation,
    private readonly metrics: Metrics,
    @Inject(CONFIG) config: Config,
  ) {
    this.prefix = config.topics.prefix;
  }

  /** A static webhook: one URL for everything in the project. */
  @Post()
  @HttpCode(200)
  receive(@Req() request: Request): Promise<void> {
    const delivery = deliveryOf(request);
    const permit = permitOf(request);
    const event = eventOf(delivery);
    if (typeof event === 'string') {
      const record = deadLetterRecord(delivery, event, this.prefix);
      return this.publish(record, permit, delivery);
    }
    const record = eventRecord(delivery, event, this.prefix, undefined);
    return this.publish(record, permit, delivery, event);
  }

  /** A dynamic webhook: a URL for one job. */
  @Post('jobs/:token')
  @HttpCode(200)
  async receiveForJob(@Req() request: Request): Promise<void> {
    const received = deliveryOf(request);
    const permit = permitOf(request);
    const job = received.capability && (await this.jobs.find(received.capability.jobId));
    const delivery = received.proof.bodyBound
      ? received
      : await this.confirmation.confirmed(received, job);
    const event = eventOf(delivery);
    const reason = typeof event === 'string' ? event : otherJob(job, event);
    if (typeof event === 'string' || reason !== undefined) {
      const letter = deadLetterRecord(delivery, reason ?? 'not-an-event', this.prefix);
      return this.publish(letter, permit, delivery);
    }
    const record = eventRecord(delivery, event, this.prefix, job);
    await this.publish(record, permit, delivery, event);
    if (job) await this.note(job, event, delivery.proof.id);
  }

  /** The event is on Kafka: what becomes of the registry's entry cannot change the answer. */
  private async note(
    job: KnownJob,
    event: GeminiEvent,
    webhookId: string,
  ): Promise<void> {
    try {
      await this.jobs.noteEvent(job.id, event, webhookId);
    } catch (error) {
      this.logger.warn({ message: "job's event not noted", jobId: job.id, error });
    }
  }

  private async publish(
    record: EventRecord,
    permit: Permit,
    { proof, traceparent }: Delivery,
    event?: GeminiEvent,
  ): Promise<void> {
    await this.publisher.publish(record, permit);
    this.metrics.accepted.inc({ topic: record.topic });
    const traceId = traceparent.slice(3, 35);
    this.logger.debug({
      message: 'published',
      webhookId: proof.id,
      traceId,
      topic: record.topic,
    });
    if (event?.time === undefined) return;
    this.metrics.eventAgeSeconds.observe((Date.now() - Date.parse(event.time)) / 1000);
  }
}

/** Google signs for everybody: the path says which job, the event has to agree. */
function otherJob(
  job: KnownJob | undefined,
  { subject }: GeminiEvent,
): DeadLetterReason | undefined {
  if (job?.geminiName === undefined || subject === undefined) return undefined;
  return job.geminiName === subject ? undefined : 'other-job';
}
