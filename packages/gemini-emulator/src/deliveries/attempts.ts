import type { Delivery, DeliveryAttempt } from './delivery.js';
import type { DeliverySigner } from './delivery-signer.js';
import { NotLoopbackError } from './loopback.js';
import type { EmulatorOptions } from '../options.js';
import { Poster } from './poster.js';
import { Slots } from './slots.js';

/** Makes single attempts: so many at a time, each of them once or, with `twins`, several times at once. */
export class Attempts {
  private readonly poster = new Poster();
  private readonly slots: Slots;

  constructor(
    private readonly options: EmulatorOptions,
    private readonly signer: DeliverySigner,
  ) {
    this.slots = new Slots(() => options.concurrency);
  }

  /** When it is this delivery's turn: nothing, if `wanted` says no by then; else all twins, when all have ended. */
  async make(delivery: Delivery, wanted: () => boolean): Promise<DeliveryAttempt[]> {
    await this.slots.take();
    try {
      if (!wanted()) return [];
      const number = ++delivery.attempts;
      const { twins } = this.options;
      const made = Array.from({ length: twins }, () => this.post(delivery, number));
      return await Promise.all(made);
    } finally {
      this.slots.giveBack();
    }
  }

  /** Cuts what is under way. */
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

/** `ECONNREFUSED`, `timeout`, … Told by its members: under Jest, errors of Node are no instances of our `Error`. */
function reason(error: unknown): string {
  if (error instanceof NotLoopbackError) return error.name;
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
