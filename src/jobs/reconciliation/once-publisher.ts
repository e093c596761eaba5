import { Injectable } from '@nestjs/common';
import { InjectConfig } from '../../config/inject-config.js';
import { jobEndKey } from '../../publishing/dedupe-key.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { DeadlineError, withDeadline } from '../../infrastructure/timing/deadline.js';
import { Publications, type Outcome } from '../../publishing/publications.js';
import { EventPublisher } from '../../publishing/event-publisher.js';
import type { OnceRecord } from './job-records.js';

/** Limit of open publications: deliveries need the rest of the producer's queue. */
const MAX_IN_FLIGHT = 200;

/**
 * Publishes the bridge's own records once each. A publication that has no outcome within the ack
 * budget continues, and the next call for the same key joins it.
 */
@Injectable()
export class OncePublisher {
  private readonly inFlight = new Set<string>();

  constructor(
    private readonly publications: Publications,
    private readonly publisher: EventPublisher,
    private readonly metrics: Metrics,
    @InjectConfig('ackBudgetMs') private readonly ackBudgetMs: number,
  ) {}

  /** @throws {DeadlineError | PublishError | DeliveryPendingError | DedupeUnavailableError} */
  publishOnce({ key, record }: OnceRecord): Promise<Outcome> {
    return this.withinAckBudget(key, (deadline) =>
      this.runOnce({ key, record }, deadline),
    );
  }

  /** Publishes the record unless a delivery with the same end id was published. */
  publishEnd(endId: string, record: OnceRecord): Promise<Outcome> {
    return this.withinAckBudget(record.key, (deadline) =>
      this.publications.runOnce(jobEndKey(endId), deadline, () =>
        this.runOnce(record, deadline),
      ),
    );
  }

  /** @throws {DeliveryPendingError | DedupeUnavailableError} */
  isPublished({ key }: Pick<OnceRecord, 'key'>): Promise<boolean> {
    return this.publications.isPublished(key);
  }

  private runOnce({ key, record }: OnceRecord, deadline: number): Promise<Outcome> {
    return this.publications.runOnce(key, deadline, async (permit) => {
      await this.publisher.publish(record, permit);
      this.metrics.accepted.inc({ topic: record.topic });
    });
  }

  private async withinAckBudget(
    key: string,
    start: (deadline: number) => Promise<Outcome>,
  ): Promise<Outcome> {
    if (!this.inFlight.has(key) && this.inFlight.size >= MAX_IN_FLIGHT) {
      throw new DeadlineError(
        `${MAX_IN_FLIGHT} of the bridge's own records are in flight`,
      );
    }
    this.inFlight.add(key);
    const deadline = performance.now() + this.ackBudgetMs;
    const outcome = start(deadline).finally(() => this.inFlight.delete(key));
    // The deadline may come first: the rejection is then handled here
    outcome.catch(() => undefined);
    return await withDeadline(outcome, deadline);
  }
}
