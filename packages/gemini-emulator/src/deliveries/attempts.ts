import type { Delivery, DeliveryAttempt } from './delivery.js';
import type { DeliverySigner } from './delivery-signer.js';
import { NotLoopbackError } from './loopback.js';
import type { EmulatorOptions } from '../options.js';
import { Poster } from './poster.js';
import { Semaphore } from './semaphore.js';

/** Makes attempts, at most `concurrency` at a time. With `twins` each is sent several times at once. */
export class Attempts {
  private readonly poster = new Poster();
  private readonly slots: Semaphore;

  constructor(
    private readonly options: EmulatorOptions,
    private readonly signer: DeliverySigner,
  ) {
    this.slots = new Semaphore(() => options.concurrency);
  }

  /**
   * Makes one attempt when a slot is free.
   *
   * @param wanted asked when the slot is free; false cancels the attempt
   * @returns the attempt and its twins when all have ended; empty if it was cancelled
   */
  async make(delivery: Delivery, wanted: () => boolean): Promise<DeliveryAttempt[]> {
    await this.slots.acquire();
    try {
      if (!wanted()) return [];
      const number = ++delivery.attempts;
      const { twins } = this.options;
      const made = Array.from({ length: twins }, () => this.post(delivery, number));
      return await Promise.all(made);
    } finally {
      this.slots.release();
    }
  }

  /** Cuts the connections of the attempts under way. */
  close(): void {
    this.poster.close();
    this.slots.close();
  }

  private async post(delivery: Delivery, attempt: number): Promise<DeliveryAttempt> {
    const { webhookId, eventType, jobName, url, webhook, body } = delivery;
    const headers = await this.signer.headers(delivery);
    const about = { webhookId, eventType, jobName, url, webhook: webhook?.id, attempt };
    const sent = { ...about, at: new Date().toISOString(), headers, body };
    const { attemptTimeoutMs: timeoutMs, allowRemote } = this.options;
    const options = { timeoutMs, allowRemote };
    const startMs = performance.now();
    const took = () => ({ tookMs: performance.now() - startMs });
    try {
      const { status, body: answer } = await this.poster.post(
        url,
        headers,
        body,
        options,
      );
      return { ...sent, ...took(), status, error: undefined, answer };
    } catch (error) {
      const failure = { status: undefined, error: reason(error), answer: undefined };
      return { ...sent, ...took(), ...failure };
    }
  }
}

/** Why an attempt had no answer, like `ECONNREFUSED` or `timeout`. Under Jest, errors of Node are no instances of our `Error`. */
function reason(error: unknown): string {
  if (error instanceof NotLoopbackError) return error.name;
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
