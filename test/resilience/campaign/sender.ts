/**
 * The sender of a campaign. It delivers as Gemini does: the `webhook-id` stays the same, each attempt has a fresh
 * timestamp and signature, and retries follow after growing pauses until an answer of 2xx. Like Gemini, it sometimes
 * sends a delivery twice at the same moment or again after a 2xx. It also sends forgeries.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Courier, pickForgery, type CourierOptions } from './courier.js';
import { DeliverySource, type Delivery } from './delivery.js';
import type { Random } from './random.js';
import { SenderPulse } from './sender-pulse.js';

export type { JobRoute } from './job-route.js';

const TWIN_SHARE = 0.1;
const REPEAT_SHARE = 0.1;
const FORGERY_SHARE = 0.05;
const FIRST_PAUSE_MS = 300;
const MAX_PAUSE_MS = 5000;
const REPEAT_AFTER_MS = [100, 10_000] as const;
const POLL_MS = 50;
/**
 * Limit of events without 2xx. The sender, the fault proxies and the judge share one process: in an outage that lasts a minute
 * the retries of thousands of events would take its processor, and the proxies would hold up Kafka for good.
 */
const MAX_WAITING = 1000;

export interface SenderOptions extends CourierOptions {
  /** New events a second. Retries, twins, repeats and forgeries are not counted. */
  readonly perSecond: number;
  /** Maximum number of events without 2xx. At the maximum no new events are made. */
  readonly maxWaiting?: number;
  /** First part of every id. */
  readonly prefix: string;
  /** The bridge's `TOPIC_PREFIX`. */
  readonly topicPrefix?: string;
}

/** Random properties of a delivery, drawn when it is created. */
interface Plan {
  readonly delivery: Delivery;
  readonly isTwinned: boolean;
  readonly repeatAfterMs: number | undefined;
  taken: boolean;
  takenBy?: number | undefined;
}

export class CampaignSender {
  private readonly source: DeliverySource;
  private readonly courier: Courier;
  private readonly pulse: SenderPulse;
  /** Draws the random properties of each delivery when it is created, so that a seed always gives the same plan. */
  private readonly fate: Random;
  private readonly pauses: Random;
  /** Work in progress, so that the end can wait for it. */
  private readonly work = new Set<Promise<void>>();
  private readonly untaken = new Set<string>();
  /** By ordered key: the plans that wait for the event under way. A key without an event under way has no entry. */
  private readonly queues = new Map<string, Plan[]>();
  /** Aborted at the start of `finish`: ordered keys begin no further event, and repeats are sent without a pause. */
  private readonly finishing = new AbortController();
  /** Aborted at the time limit of `finish`: no retry begins any more. */
  private readonly over = new AbortController();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: SenderOptions) {
    const { random, prefix, topicPrefix = 'gemini', job, journal } = options;
    this.source = new DeliverySource({
      random: random.fork('deliveries'),
      prefix,
      topicPrefix,
      withJobs: job !== undefined,
    });
    this.courier = new Courier({ ...options, random: random.fork('replicas') });
    this.fate = random.fork('fate');
    this.pauses = random.fork('pauses');
    this.pulse = new SenderPulse(journal);
    // Each pause adds a listener, so there are as many listeners as waiting events
    setMaxListeners(0, this.finishing.signal, this.over.signal);
  }

  /** Sends at a constant rate, independent of earlier events. It skips events that are due while too many wait. */
  start(): void {
    const { perSecond, maxWaiting = MAX_WAITING } = this.options;
    const startedAt = performance.now();
    let passed = 0;
    const tick = (): void => {
      const due = ((performance.now() - startedAt) / 1000) * perSecond;
      for (; passed < due; passed++) {
        if (this.untaken.size < maxWaiting) this.makeOne();
      }
    };
    this.timer = setInterval(tick, Math.max(5, 500 / perSecond));
  }

  /**
   * Stops making events, and retries until all are answered 2xx or the time limit is over. An attempt that is open at
   * the time limit may take 15 s more.
   *
   * @returns the ids that were not answered 2xx
   */
  async finish(limitMs: number): Promise<string[]> {
    clearInterval(this.timer);
    this.finishing.abort();
    const deadline = performance.now() + limitMs;
    while (this.work.size > 0 && performance.now() < deadline) await delay(POLL_MS);
    this.over.abort();
    while (this.work.size > 0) await Promise.all(this.work);
    this.pulse.stop();
    this.courier.close();
    return Array.from(this.untaken);
  }

  private makeOne(): void {
    if (this.fate.chance(FORGERY_SHARE)) {
      this.track(this.courier.forge(this.options.prefix, pickForgery(this.fate)));
    }
    const plan = this.plan();
    const key = plan.delivery.place?.key;
    if (key === undefined) return this.track(this.deliver(plan));
    const queue = this.queues.get(key);
    if (queue) queue.push(plan);
    else this.track(this.deliverInOrder(key, plan));
  }

  private plan(): Plan {
    const { fate } = this;
    const isTwinned = fate.chance(TWIN_SHARE);
    const isRepeated = fate.chance(REPEAT_SHARE);
    const repeatAfterMs = isRepeated ? fate.between(...REPEAT_AFTER_MS) : undefined;
    return { delivery: this.source.next(), isTwinned, repeatAfterMs, taken: false };
  }

  private track(work: Promise<void>): void {
    this.work.add(work);
    void work.finally(() => this.work.delete(work));
  }

  /** Sends each event after the previous one of its key was answered 2xx. `finish` drops the events still queued. */
  private async deliverInOrder(key: string, first: Plan): Promise<void> {
    const queue = [first];
    this.queues.set(key, queue);
    for (let plan = queue.shift(); plan; plan = queue.shift()) {
      await this.deliver(plan);
      if (this.finishing.signal.aborted) break;
    }
    this.queues.delete(key);
  }

  private async deliver(plan: Plan): Promise<void> {
    const { delivery, isTwinned, repeatAfterMs } = plan;
    this.courier.announce(delivery);
    this.untaken.add(delivery.id);
    const replica = this.courier.pickReplica();
    const twin = this.courier.pickReplica(replica);
    if (isTwinned) this.track(this.attempt(plan, 'twin', twin));
    await this.attempt(plan, 'first', replica);
    for (let retry = 0; !plan.taken; retry++) {
      await pause(backoffMs(retry, this.pauses), this.over.signal);
      if (this.over.signal.aborted) return;
      await this.attempt(plan, 'retry', this.courier.pickReplica());
    }
    if (repeatAfterMs !== undefined) this.track(this.repeat(plan, repeatAfterMs));
  }

  private async repeat(plan: Plan, afterMs: number): Promise<void> {
    await pause(afterMs, this.finishing.signal);
    await this.attempt(plan, 'repeat', this.courier.pickReplica(plan.takenBy));
  }

  private async attempt(
    plan: Plan,
    kind: 'first' | 'retry' | 'twin' | 'repeat',
    replica: number | undefined,
  ): Promise<void> {
    const taken = await this.courier.deliver(plan.delivery, kind, replica);
    if (!taken) return;
    plan.taken = true;
    plan.takenBy = replica;
    this.untaken.delete(plan.delivery.id);
  }
}

async function pause(ms: number, until: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: until }).catch(() => undefined);
}

/** A random pause of 50 to 100 % of a value that doubles with each retry. */
function backoffMs(retry: number, random: Random): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** retry, MAX_PAUSE_MS) * random.between(0.5, 1);
}
