import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { GeminiClient } from '../gemini/gemini.client.js';
import type { KnownJob } from '../registry/job-registry.js';
import { SignatureError } from '../signature/signature.error.js';
import type { Delivery } from './delivery.js';
import { eventOf } from './record.js';

/** The event that a batch's state announces. */
const EVENT_BY_STATE: ReadonlyMap<string, string> = new Map([
  ['BATCH_STATE_SUCCEEDED', 'batch.succeeded'],
  ['BATCH_STATE_FAILED', 'batch.failed'],
  ['BATCH_STATE_EXPIRED', 'batch.expired'],
  ['BATCH_STATE_CANCELLED', 'batch.cancelled'],
]);

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
  async confirmed(delivery: Delivery, job: KnownJob | undefined): Promise<Delivery> {
    const name = job?.geminiName;
    const event = eventOf(delivery);
    const { unboundBody } = this.config.token;
    if (unboundBody === 'refuse' || name === undefined || typeof event === 'string') {
      throw new SignatureError('body-unconfirmed');
    }
    const { state, updateTime, outputFile } = await this.gemini.batchState(name);
    if (event.subject !== name || EVENT_BY_STATE.get(state) !== event.type) {
      throw new SignatureError('body-unconfirmed');
    }
    const data = { id: name, ...(outputFile ? { output_file_uri: outputFile } : {}) };
    const body = JSON.stringify({
      type: event.type,
      version: 'v1',
      timestamp: updateTime,
      data,
    });
    return { ...delivery, proof: { ...delivery.proof, body: Buffer.from(body) } };
  }
}
