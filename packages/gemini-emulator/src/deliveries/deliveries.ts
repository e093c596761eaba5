import { setTimeout as sleep } from 'node:timers/promises';
import { notFound } from '../api-error.js';
import { AttemptLog } from './attempt-log.js';
import { Attempts } from './attempts.js';
import type { Clock } from '../clock.js';
import {
  isAccepted,
  newDelivery,
  type Delivery,
  type DeliveryAttempt,
  type Destination,
  type JobReference,
} from './delivery.js';
import type { DeliverySigner } from './delivery-signer.js';
import type { GeminiEvent } from './events.js';
import { messageId } from '../ids.js';
import { NotLoopbackError } from './loopback.js';
import type { EmulatorOptions } from '../options.js';
import type { Random } from '../random.js';
import { retryDelayMs } from './retry.js';

/** Emulated time after which held deliveries are sent, even if there are fewer than `reorder`. */
const REORDER_HOLD_MS = 1000;

const POLL_MS = 10;

/** Delivers events: at least once, in no order, with retries for a day. */
export class Deliveries {
  readonly log: AttemptLog;
  private readonly unsettled = new Set<Delivery>();
  private readonly byId = new Map<string, Delivery[]>();
  private readonly attempts: Attempts;
  private held: Delivery[] = [];
  private closed = false;

  constructor(
    private readonly options: EmulatorOptions,
    private readonly clock: Clock,
    signer: DeliverySigner,
    private readonly random: Random,
  ) {
    this.log = new AttemptLog(options.remembered);
    this.attempts = new Attempts(options, signer);
  }

  /** Sends an event in the background. @returns its webhook-ids, one for each destination or one for all */
  send(
    event: GeminiEvent,
    destinations: readonly Destination[],
    job: JobReference = {},
  ): string[] {
    const shared = messageId();
    const made = destinations.map((destination) => {
      const own = this.options.webhookIdPer === 'event' ? shared : messageId();
      return newDelivery(own, event.envelope, destination, job, this.clock.now());
    });
    for (const delivery of made) this.remember(delivery);
    for (const delivery of made) this.dispatch(delivery);
    return [...new Set(made.map((delivery) => delivery.webhookId))];
  }

  /** Sends a delivery again at once, also after it was accepted or given up. Its day of retries begins again. */
  redeliver(webhookId: string): void {
    const found = this.byId.get(webhookId);
    if (!found) throw notFound();
    for (const delivery of found) {
      Object.assign(delivery, { failures: 0, startedMs: this.clock.now() });
      this.settle(delivery, 'pending');
      this.begin(delivery);
    }
  }

  /** The deliveries that are neither accepted nor given up. */
  pending(): Delivery[] {
    return [...this.unsettled];
  }

  async drained(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    while (this.unsettled.size > 0) {
      if (this.closed) throw new Error('the emulator was stopped');
      if (performance.now() > deadlineMs) {
        throw new Error(
          `${this.unsettled.size} deliveries are still pending after ${timeoutMs} ms`,
        );
      }
      await sleep(POLL_MS);
    }
  }

  close(): void {
    this.closed = true;
    this.attempts.close();
    this.log.close();
  }

  private remember(delivery: Delivery): void {
    const others = this.byId.get(delivery.webhookId) ?? [];
    this.byId.set(delivery.webhookId, [...others, delivery]);
    this.settle(delivery, 'pending');
    if (this.byId.size <= this.options.remembered) return;
    const [oldest] = this.byId.entries();
    if (oldest?.[1].every(({ state }) => state !== 'pending'))
      this.byId.delete(oldest[0]);
  }

  private dispatch(delivery: Delivery): void {
    if (this.options.reorder <= 1) {
      this.begin(delivery);
      return;
    }
    this.held.push(delivery);
    if (this.held.length >= this.options.reorder) void this.release();
    else if (this.held.length === 1) {
      this.clock.after(REORDER_HOLD_MS, () => void this.release());
    }
  }

  private async release(): Promise<void> {
    const newestFirst = this.held.toReversed();
    this.held = [];
    for (const delivery of newestFirst) await this.attempt(delivery);
  }

  private begin(delivery: Delivery): void {
    delivery.cancelRetry?.();
    delivery.cancelRetry = undefined;
    void this.attempt(delivery);
  }

  private async attempt(delivery: Delivery): Promise<void> {
    const wanted = () => !this.closed && !this.dropped(delivery);
    const ended = await this.attempts.make(delivery, wanted);
    if (this.closed || ended.length === 0) return;
    if (ended.every(isAccepted)) this.accepted(delivery);
    else this.failed(delivery, ended);
    for (const attempt of ended) this.log.add(attempt);
  }

  private accepted(delivery: Delivery): void {
    this.settle(delivery, 'accepted');
    if (delivery.webhook) delivery.webhook.failures = 0;
    if (delivery.duplicated || this.random() >= this.options.duplicate) return;
    delivery.duplicated = true;
    const delayMs = this.options.retry.firstDelaySeconds * 1000;
    delivery.cancelRetry = this.clock.after(delayMs, () => this.begin(delivery));
  }

  private failed(delivery: Delivery, ended: readonly DeliveryAttempt[]): void {
    delivery.failures++;
    this.countFailure(delivery);
    const elapsedMs = this.clock.now() - delivery.startedMs;
    const delayMs = retryDelayMs(delivery.failures, elapsedMs, this.options.retry);
    const refused = ended.some(({ error }) => error === NotLoopbackError.name);
    if (refused || delayMs === undefined || this.dropped(delivery)) {
      this.settle(delivery, 'given-up');
      return;
    }
    this.settle(delivery, 'pending');
    delivery.cancelRetry = this.clock.after(delayMs, () => this.begin(delivery));
  }

  private settle(delivery: Delivery, state: Delivery['state']): void {
    delivery.state = state;
    if (state === 'pending') this.unsettled.add(delivery);
    else this.unsettled.delete(delivery);
  }

  private countFailure({ webhook }: Delivery): void {
    if (!webhook) return;
    webhook.failures++;
    const { disableAfterFailures: limit } = this.options;
    if (limit > 0 && webhook.failures >= limit && webhook.state === 'enabled') {
      webhook.state = 'disabled_due_to_failed_deliveries';
    }
  }

  /** Gives up a delivery to a disabled webhook. Assumption: it stays lost after the webhook is enabled again. */
  private dropped(delivery: Delivery): boolean {
    if (!delivery.webhook || delivery.webhook.state === 'enabled') return false;
    this.settle(delivery, 'given-up');
    return true;
  }
}
