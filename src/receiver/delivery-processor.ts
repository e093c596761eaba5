import { Injectable, Logger } from '@nestjs/common';
import type { TopicsConfig } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { EventFormatError, type GeminiEvent } from '../events/gemini-event.js';
import { LogRateLimit } from '../infrastructure/logging/log-rate-limit.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { jobScope, reconciledId } from '../jobs/job-event-ids.js';
import { JobRegistry } from '../jobs/job-registry.js';
import { dedupeKey } from '../publishing/dedupe-key.js';
import {
  EventPublisher,
  type EventRecord,
  type PublishPermit,
  type RecordPosition,
} from '../publishing/event-publisher.js';
import { JobEndPublications } from '../publishing/job-end-publications.js';
import type { Outcome } from '../publishing/publications.js';
import type { Capability } from '../signature/capability.js';
import {
  deadLetterRecord,
  eventOf,
  eventRecord,
  type DeadLetterReason,
} from './delivery-record.js';
import type { Delivery } from './delivery.js';
import { EventConfirmation } from './job-matching/event-confirmation.js';
import { JobEventRecorder } from './job-matching/job-event-recorder.js';
import { JobMatcher, type EventJob } from './job-matching/job-matcher.js';

/** Result of a delivery: its record is an event, a dead letter, or a duplicate and not written. */
export type ProcessingResult = Outcome | 'dead-lettered';

/** Makes a verified delivery a record on Kafka: an event, or a dead letter. */
@Injectable()
export class DeliveryProcessor {
  private readonly logger = new Logger(DeliveryProcessor.name);
  private readonly logLimit = new LogRateLimit();
  private readonly prefix: string;

  constructor(
    private readonly publisher: EventPublisher,
    private readonly jobEnds: JobEndPublications,
    private readonly jobs: JobRegistry,
    private readonly matcher: JobMatcher,
    private readonly confirmation: EventConfirmation,
    private readonly recorder: JobEventRecorder,
    private readonly metrics: Metrics,
    @InjectConfig('topics') topicsConfig: TopicsConfig,
  ) {
    this.prefix = topicsConfig.prefix;
  }

  /**
   * Resolves once all in-sync replicas have the record.
   *
   * @param job the job whose path the delivery came by; undefined on the static route.
   * @returns `duplicate` when the reconciler has published the same end of the job.
   * @throws {PublishError | DeliveryPendingError | DedupeUnavailableError | SignatureError |
   *   GeminiError | RedisUnavailableError}
   */
  process(
    delivery: Delivery,
    permit: PublishPermit,
    job?: Capability,
  ): Promise<ProcessingResult> {
    return job
      ? this.processForJob(delivery, permit, job)
      : this.processStatic(delivery, permit);
  }

  private processStatic(
    delivery: Delivery,
    permit: PublishPermit,
  ): Promise<ProcessingResult> {
    const event = eventOf(delivery);
    if (event instanceof EventFormatError) {
      return this.publishDeadLetter(delivery, event.fault, permit, event.type);
    }
    if (!this.matcher.canMatch) return this.publishEvent(delivery, event, permit);
    return this.matcher
      .matchByName(event)
      .then((job) => this.publishEvent(delivery, event, permit, job));
  }

  private async processForJob(
    received: Delivery,
    permit: PublishPermit,
    capability: Capability,
  ): Promise<ProcessingResult> {
    const job = await this.jobs.find(capability.jobId);
    const delivery = received.proof.bodyBound
      ? received
      : await this.confirmation.confirm(received, job);
    const event = eventOf(delivery);
    if (event instanceof EventFormatError) {
      return this.publishDeadLetter(delivery, event.fault, permit, event.type);
    }
    const owner = this.matcher.matchByPath(capability, job, event, received.proof.body);
    if (typeof owner === 'string') {
      return this.publishDeadLetter(delivery, owner, permit, event.type);
    }
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
      job?.endId === undefined
        ? await this.publish(record, permit, delivery)
        : await this.publishJobEnd(job.jobId, job.endId, record, permit, delivery);
    if (job) await this.recorder.recordEvent(job.jobId, event, delivery.proof.id);
    if (event.time !== undefined && result === 'published') {
      const ageMs = Date.now() - Date.parse(event.time);
      this.metrics.eventAgeSeconds.observe(ageMs / 1000);
    }
    return result;
  }

  private publishJobEnd(
    jobId: string,
    endId: string,
    record: EventRecord,
    permit: PublishPermit,
    delivery: Delivery,
  ): Promise<Outcome> {
    const reconciledKey = dedupeKey(jobScope(jobId), reconciledId(endId));
    const { deadline } = delivery;
    return this.jobEnds.publishDelivered(
      { endId, reconciledKey, permit, deadline },
      (claimed) => this.publish(record, claimed, delivery),
    );
  }

  private async publishDeadLetter(
    delivery: Delivery,
    reason: DeadLetterReason,
    permit: PublishPermit,
    eventType: string | undefined,
  ): Promise<'dead-lettered'> {
    this.metrics.deadLetters.inc({ reason });
    const letter = deadLetterRecord(delivery, reason, this.prefix);
    const position = await this.write(letter, permit);
    if (this.logLimit.tryAcquire()) {
      const { proof, trace, capability } = delivery;
      this.logger.warn({
        message: 'delivery is a dead letter',
        reason,
        webhookId: proof.id,
        eventType,
        jobId: capability?.jobId,
        traceId: trace.traceId,
        topic: letter.topic,
        ...position,
      });
    }
    return 'dead-lettered';
  }

  private async publish(
    record: EventRecord,
    permit: PublishPermit,
    { proof, trace }: Delivery,
  ): Promise<'published'> {
    await this.write(record, permit);
    this.logger.debug({
      message: 'published',
      webhookId: proof.id,
      traceId: trace.traceId,
      topic: record.topic,
    });
    return 'published';
  }

  private async write(
    record: EventRecord,
    permit: PublishPermit,
  ): Promise<RecordPosition> {
    const position = await this.publisher.publish(record, permit);
    this.metrics.accepted.inc({ topic: record.topic });
    return position;
  }
}
