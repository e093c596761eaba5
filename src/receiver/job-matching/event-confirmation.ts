import { Injectable } from '@nestjs/common';
import type { TokenConfig } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import { EventFormatError } from '../../events/gemini-event.js';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { kindOf } from '../../jobs/job-kinds.js';
import { bareName } from '../../jobs/gemini-name.js';
import { eventBody } from '../../jobs/polled-event.js';
import type { Job } from '../../jobs/job.js';
import { SignatureError } from '../../signature/signature.error.js';
import type { Delivery } from '../delivery.js';
import { eventOf } from '../delivery-record.js';
import { fetchJobSnapshot } from './fetch-job-snapshot.js';

/**
 * Asks Gemini whether an event is true when its token does not bind the body. A stolen token could
 * be sent with a forged body until it expires.
 */
@Injectable()
export class EventConfirmation {
  constructor(
    private readonly gemini: GeminiClient,
    @InjectConfig('token') private readonly tokenConfig: TokenConfig,
  ) {}

  /**
   * The delivery with a new body, made of Gemini's answer. The delivered body is dropped, because
   * no signature covers its other fields.
   *
   * @throws {SignatureError} `body-unconfirmed` when Gemini tells another state, when the registry
   *   has no job with a name, or with `JWT_UNBOUND_BODY=refuse`.
   * @throws {GeminiError} when Gemini does not answer.
   */
  async confirm(delivery: Delivery, job: Job | undefined): Promise<Delivery> {
    const name = job?.geminiName;
    const event = eventOf(delivery);
    const { unboundBody } = this.tokenConfig;
    if (
      unboundBody === 'refuse' ||
      name === undefined ||
      event instanceof EventFormatError
    ) {
      throw new SignatureError('body-unconfirmed');
    }
    const kind = kindOf(job as Job);
    const snapshot = await fetchJobSnapshot(this.gemini, kind, name);
    const announced = snapshot.state && kind.events[snapshot.state];
    const isAboutJob = bareName(event.jobName ?? '') === bareName(name);
    if (!isAboutJob || announced !== event.type) {
      throw new SignatureError('body-unconfirmed');
    }
    const body = eventBody(kind, name, snapshot);
    return { ...delivery, proof: { ...delivery.proof, body } };
  }
}
