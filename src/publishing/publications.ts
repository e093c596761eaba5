import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { CONFIG, type Config } from '../config/config.js';
import { DedupeStore, type Claim, type DedupeCall } from './dedupe-store.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { PublishError, type PublishPermit } from './event-publisher.js';
import { LogRateLimit } from '../infrastructure/logging/log-rate-limit.js';

export type Outcome = 'published' | 'duplicate';

/** Another replica is publishing this delivery; it may yet fail. */
export class DeliveryPendingError extends Error {
  override readonly name = 'DeliveryPendingError';
}

/** The dedupe store does not answer and `DEDUPE_ON_ERROR=refuse`. */
export class DedupeUnavailableError extends Error {
  override readonly name = 'DedupeUnavailableError';
}

/** Often, so that one renewal that fails does not end a claim, in ms. */
const RENEWAL_MS = 1000;

class Attempt implements PublishPermit {
  outcome!: Promise<Outcome>;
  readonly askedAt = performance.now();
  heldUntil = Infinity;
  claimed = false;

  constructor(readonly deadline: number) {}

  /** A claim that ran out is not ours again: somebody else may have had it meanwhile. */
  renewed(untilMs: number): void {
    if (performance.now() < this.heldUntil) this.heldUntil = untilMs;
  }
}

/**
 * The publications under way in this process: claim → publish → confirm, one per key.
 *
 * An attempt outlives the request that started it, because a produce request without an
 * answer may still be written: the claim is given back only when it is certain that it was
 * not. Until then repeats join the attempt, and its lease is renewed.
 */
@Injectable()
export class Publications implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(Publications.name);
  private readonly quota = new LogRateLimit();
  private readonly running = new Map<string, Attempt>();
  private readonly renewal: NodeJS.Timeout;
  private renewing = false;

  constructor(
    private readonly store: DedupeStore,
    private readonly metrics: Metrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.renewal = setInterval(() => void this.renew(), RENEWAL_MS);
    this.renewal.unref();
  }

  onModuleInit(): void {
    this.metrics.observe(
      'attempts',
      'Publications under way in this process',
      () => this.running.size,
    );
  }

  /** Whatever comes first: joins the attempt that is under way here, or starts one. */
  runOnce(
    key: string,
    deadline: number,
    publish: (permit: PublishPermit) => Promise<unknown>,
  ): Promise<Outcome> {
    return this.inFlight(key) ?? this.begin(key, deadline, publish);
  }

  /** The outcome of the attempt at this key that is under way here, if there is one. */
  inFlight(key: string): Promise<Outcome> | undefined {
    return this.running.get(key)?.outcome;
  }

  /**
   * Claims the key, publishes and confirms; to be called when nothing is under way.
   *
   * @param deadline when the answer has to be given, on the clock of `performance.now()`.
   * @param publish may find that somebody else has: then it returns `duplicate`.
   * @throws {DeliveryPendingError | DedupeUnavailableError} or what `publish` throws.
   */
  begin(
    key: string,
    deadline: number,
    publish: (permit: PublishPermit) => Promise<unknown>,
  ): Promise<Outcome> {
    const attempt = new Attempt(deadline);
    this.running.set(key, attempt);
    attempt.outcome = this.run(key, attempt, publish);
    attempt.outcome.catch(() => undefined); // whoever asked may have gone
    return attempt.outcome;
  }

  /**
   * Whether the key was published, by a claim that is given back at once.
   *
   * @throws {DeliveryPendingError} while another replica is publishing it.
   */
  async isPublished(key: string): Promise<boolean> {
    const underWay = this.inFlight(key);
    if (underWay) return underWay.then(() => true);
    const claim = await this.claim(key);
    if (claim === 'pending') throw new DeliveryPendingError('claimed by another replica');
    if (claim === 'taken') await this.updateStore('release', this.store.release(key));
    return claim === 'done';
  }

  /** Waits for what is under way, so that a late success is still confirmed. */
  async beforeApplicationShutdown(): Promise<void> {
    const deadline = performance.now() + this.config.shutdownTimeoutMs / 2;
    while (this.running.size > 0 && performance.now() < deadline) await delay(20);
    clearInterval(this.renewal);
  }

  private async run(
    key: string,
    attempt: Attempt,
    publish: (permit: PublishPermit) => Promise<unknown>,
  ): Promise<Outcome> {
    try {
      const claim = this.claim(key);
      const answer = typeof claim === 'object' ? await claim : claim;
      this.metrics.claimSeconds.observe((performance.now() - attempt.askedAt) / 1000);
      if (answer === 'done') return 'duplicate';
      if (answer === 'pending')
        throw new DeliveryPendingError('claimed by another replica');
      attempt.claimed = answer === 'taken';
      if (attempt.claimed) attempt.heldUntil = attempt.askedAt + this.store.leaseMs;
      let found: unknown;
      try {
        found = await publish(attempt);
      } catch (error) {
        attempt.claimed = false; // or a renewal could take it again
        await this.finish(key, error);
        throw error;
      }
      const publishedAt = performance.now();
      const confirmed = this.updateStore('confirm', this.store.confirm(key));
      if (confirmed) await confirmed;
      this.metrics.confirmSeconds.observe((performance.now() - publishedAt) / 1000);
      return found === 'duplicate' ? 'duplicate' : 'published';
    } finally {
      this.running.delete(key);
    }
  }

  /** `unclaimed`: the store did not answer, and the policy is to publish all the same. */
  private claim(key: string): Claim | 'unclaimed' | Promise<Claim | 'unclaimed'> {
    const claim = this.store.claim(key);
    if (typeof claim === 'string') return claim;
    return claim.catch((cause: unknown) => {
      this.metrics.unclaimed.inc({ call: 'claim' });
      if (this.config.dedupe.onError === 'publish') return 'unclaimed' as const;
      throw new DedupeUnavailableError('the dedupe store does not answer', { cause });
    });
  }

  /** Gives up a claim: as free, or as one whose outcome has to be found out. */
  private async finish(key: string, error: unknown): Promise<void> {
    const at = error instanceof PublishError ? error.attemptedAt : undefined;
    await (at
      ? this.updateStore('abandon', this.store.abandon(key, at))
      : this.updateStore('release', this.store.release(key)));
  }

  /** What the store was not told runs out by itself; the event's fate is settled. */
  private updateStore(
    call: DedupeCall,
    told: void | Promise<void>,
  ): Promise<void> | undefined {
    if (!told) return undefined;
    return told.catch((error: unknown) => {
      this.metrics.unclaimed.inc({ call });
      if (this.quota.tryAcquire())
        this.logger.warn({ message: 'dedupe store not told', call, error });
    });
  }

  private async renew(): Promise<void> {
    if (this.renewing) return;
    this.renewing = true;
    const now = performance.now();
    const old = Array.from(this.running).filter(
      ([, { claimed, askedAt }]) => claimed && askedAt < now - RENEWAL_MS,
    );
    try {
      const held = await this.store.renew(old.map(([key]) => key));
      old.forEach(([, attempt], i) => {
        if (held[i]) attempt.renewed(now + this.store.leaseMs);
      });
    } catch {
      this.metrics.unclaimed.inc({ call: 'renew' });
    } finally {
      this.renewing = false;
    }
  }
}
