import { Injectable } from '@nestjs/common';
import { jobEndKey } from './dedupe-key.js';
import type { PublishPermit } from './event-publisher.js';
import { Publications, type Outcome } from './publications.js';

/** A delivered event that is the last one of its job. */
export interface DeliveredJobEnd {
  /** As in the record header `bridge-outcome`. */
  readonly endId: string;
  /** Dedupe key under which the reconciler would publish the same end. */
  readonly reconciledKey: string;
  /** Permit of the delivery's own dedupe key. */
  readonly permit: PublishPermit;
  /** On the clock of `performance.now()`, in ms. */
  readonly deadline: number;
}

/** Keeps a job's end that the reconciler has published from being published by its delivery too. */
@Injectable()
export class JobEndPublications {
  constructor(private readonly publications: Publications) {}

  /**
   * Publishes a delivered end unless the reconciler has published it. Deliveries with other
   * webhook-ids do not count: each of them is an event of its own.
   *
   * @throws {DeliveryPendingError | DedupeUnavailableError} or what `publish` throws.
   */
  async publishDelivered(
    { endId, reconciledKey, permit, deadline }: DeliveredJobEnd,
    publish: (permit: PublishPermit) => Promise<unknown>,
  ): Promise<Outcome> {
    let isOurs = false;
    await this.publications.runOnce(jobEndKey(endId), deadline, (claimed) => {
      isOurs = true;
      return publish(claimed);
    });
    if (isOurs) return 'published';
    if (await this.publications.isPublished(reconciledKey)) return 'duplicate';
    await publish(permit);
    return 'published';
  }
}
