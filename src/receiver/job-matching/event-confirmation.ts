import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { EventFormatError } from '../../events/gemini-event.js';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { kindOf } from '../../jobs/job-kinds.js';
import { bareName, eventBody } from '../../jobs/job-events.js';
import type { Job } from '../../jobs/job.js';
import { SignatureError } from '../../signature/signature.error.js';
import type { Delivery } from '../delivery.js';
import { eventOf } from '../delivery-record.js';
import { fetchJobSnapshot } from './fetch-job-snapshot.js';

/**
 * Asks Gemini whether an event is true whose token says nothing about the body: whoever saw
 * such a token could send it again with another body until it expires.
 */
@Injectable()
export class EventConfirmation {
  constructor(
    private readonly gemini: GeminiClient,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * The delivery with an event made of what Gemini says itself: nothing of the body that
   * came with the token goes on, as nobody vouches for its other fields.
   *
   * @throws {SignatureError} `body-unconfirmed` when Gemini says otherwise, when the event is
   *   not about a job of ours that can be asked for, or by policy.
   * @throws {GeminiError} when Gemini does not answer.
   */
  async confirm(delivery: Delivery, job: Job | undefined): Promise<Delivery> {
    const name = job?.geminiName;
    const event = eventOf(delivery);
    const { unboundBody } = this.config.token;
    if (
      unboundBody === 'refuse' ||
      name === undefined ||
      event instanceof EventFormatError
    ) {
      throw new SignatureError('body-unconfirmed');
    }
    const kind = kindOf(job as Job);
    const sighting = await fetchJobSnapshot(this.gemini, kind, name);
    const announced = sighting.state && kind.events[sighting.state];
    const isIts = bareName(event.jobName ?? '') === bareName(name);
    if (!isIts || announced !== event.type) {
      throw new SignatureError('body-unconfirmed');
    }
    const body = eventBody(kind, name, sighting);
    return { ...delivery, proof: { ...delivery.proof, body } };
  }
}
