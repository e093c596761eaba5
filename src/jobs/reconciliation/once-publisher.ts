import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { outcomeKey } from '../../publishing/dedupe-key.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { DeadlineError, withDeadline } from '../../infrastructure/timing/deadline.js';
import { Publications, type Outcome } from '../../publishing/publications.js';
import { EventPublisher } from '../../publishing/event-publisher.js';
import type { OnceRecord } from './job-records.js';

/** Without an outcome yet. They take room in the publisher's queue, which the deliveries need. */
const MAX_UNDER_WAY = 200;

/**
 * Publishes what the bridge itself tells, once. Where no outcome comes in time the attempt
 * goes on, and whoever asks again joins it.
 */
@Injectable()
export class OncePublisher {
  private readonly underWay = new Set<string>();

  constructor(
    private readonly attempts: Publications,
    private readonly publisher: EventPublisher,
    private readonly metrics: Metrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws {DeadlineError | PublishError | DeliveryPendingError | DedupeUnavailableError} */
  publishOnce({ key, record }: OnceRecord): Promise<Outcome> {
    return this.inTime(key, (deadline) => this.start({ key, record }, deadline));
  }

  /** The same, unless somebody else has told of that outcome. */
  publishOutcome(outcome: string, record: OnceRecord): Promise<Outcome> {
    return this.inTime(record.key, (deadline) =>
      this.attempts.runOnce(outcomeKey(outcome), deadline, () =>
        this.start(record, deadline),
      ),
    );
  }

  private start({ key, record }: OnceRecord, deadline: number): Promise<Outcome> {
    return this.attempts.runOnce(key, deadline, async (permit) => {
      await this.publisher.publish(record, permit);
      this.metrics.accepted.inc({ topic: record.topic });
    });
  }

  private async inTime(
    key: string,
    start: (deadline: number) => Promise<Outcome>,
  ): Promise<Outcome> {
    if (!this.underWay.has(key) && this.underWay.size >= MAX_UNDER_WAY) {
      throw new DeadlineError(`${MAX_UNDER_WAY} records have no outcome yet`);
    }
    this.underWay.add(key);
    const deadline = performance.now() + this.config.ackBudgetMs;
    const outcome = start(deadline).finally(() => this.underWay.delete(key));
    outcome.catch(() => undefined); // whoever asked may have gone
    return await withDeadline(outcome, deadline);
  }
}
