import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import type { DedupeConfig } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { DedupeStore, type Claim, type DedupeCall } from './dedupe-store.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { PublishError, type PublishPermit } from './event-publisher.js';
import { observePublications } from './publishing.metrics.js';
import { LogRateLimit } from '../infrastructure/logging/log-rate-limit.js';
import { sleep } from '../infrastructure/timing/sleep.js';

export type Outcome = 'published' | 'duplicate';

/** Another replica is publishing this delivery and may still fail. */
export class DeliveryPendingError extends Error {
  override readonly name = 'DeliveryPendingError';
}

/** The dedupe store does not answer and `DEDUPE_ON_ERROR=refuse`. */
export class DedupeUnavailableError extends Error {
  override readonly name = 'DedupeUnavailableError';
}

/** Interval of the renewals, in ms. Short, so that one failed renewal does not end a claim. */
const RENEWAL_MS = 1000;

/** One publication under way, which is also its permit. */
class Attempt implements PublishPermit {
  outcome!: Promise<Outcome>;
  readonly askedAt = performance.now();
  heldUntil = Infinity;
  claimed = false;

  constructor(readonly deadline: number) {}

  /** Extends the claim. An expired claim stays expired: another replica may have held it since. */
  extend(untilMs: number): void {
    if (performance.now() < this.heldUntil) this.heldUntil = untilMs;
  }
}

/**
 * The publications under way in this process: claim → publish → confirm, one per key.
 *
 * An attempt outlives the request that started it, because Kafka may still write a produce
 * request that it did not answer. The claim is released only when the record is certainly not
 * written. Until then repeats join the attempt, and its lease is renewed.
 */
@Injectable()
export class Publications implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(Publications.name);
  private readonly logLimit = new LogRateLimit();
  /** By dedupe key. */
  private readonly running = new Map<string, Attempt>();
  private readonly renewal: NodeJS.Timeout;
  private isRenewing = false;

  constructor(
    private readonly store: DedupeStore,
    private readonly metrics: Metrics,
    @InjectConfig('shutdownTimeoutMs') private readonly shutdownTimeoutMs: number,
    @InjectConfig('dedupe') private readonly dedupeConfig: DedupeConfig,
  ) {
    this.renewal = setInterval(() => void this.renew(), RENEWAL_MS);
    this.renewal.unref();
  }

  onModuleInit(): void {
    observePublications(this.metrics, () => this.running.size);
  }

  /** Joins the attempt at this key that is under way in this process, or begins one. */
  runOnce(
    key: string,
    deadline: number,
    publish: (permit: PublishPermit) => Promise<unknown>,
  ): Promise<Outcome> {
    return this.inFlight(key) ?? this.begin(key, deadline, publish);
  }

  /** The outcome of the attempt at this key that is under way in this process, if any. */
  inFlight(key: string): Promise<Outcome> | undefined {
    return this.running.get(key)?.outcome;
  }

  /**
   * Claims the key, publishes and confirms. Call it only when `inFlight` is undefined.
   *
   * @param deadline of the answer to Gemini, on the clock of `performance.now()`, in ms.
   * @param publish returns `duplicate` when it finds that the event was published before.
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
    attempt.outcome.catch(() => undefined); // the request that waits for it may have ended
    return attempt.outcome;
  }

  /**
   * True when the key was published. It claims the key and releases it at once.
   *
   * @throws {DeliveryPendingError} while another replica is publishing it.
   */
  async isPublished(key: string): Promise<boolean> {
    const outcome = this.inFlight(key);
    if (outcome) return outcome.then(() => true);
    const claim = await this.claim(key);
    if (claim === 'pending') throw new DeliveryPendingError('claimed by another replica');
    if (claim === 'taken') await this.updateStore('release', this.store.release(key));
    return claim === 'done';
  }

  /** Waits for the attempts under way, so that a late success is still confirmed. */
  async beforeApplicationShutdown(): Promise<void> {
    const deadline = performance.now() + this.shutdownTimeoutMs / 2;
    while (this.running.size > 0 && performance.now() < deadline) await sleep(20);
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
      const found = await this.publishClaimed(key, attempt, publish);
      const publishedAt = performance.now();
      const confirmed = this.updateStore('confirm', this.store.confirm(key));
      if (confirmed) await confirmed;
      this.metrics.confirmSeconds.observe((performance.now() - publishedAt) / 1000);
      return found === 'duplicate' ? 'duplicate' : 'published';
    } finally {
      this.running.delete(key);
    }
  }

  /** @throws what `publish` throws, after the claim is released or abandoned. */
  private async publishClaimed(
    key: string,
    attempt: Attempt,
    publish: (permit: PublishPermit) => Promise<unknown>,
  ): Promise<unknown> {
    try {
      return await publish(attempt);
    } catch (error) {
      attempt.claimed = false; // first, or a renewal could acquire the released lease again
      await this.endClaim(key, error);
      throw error;
    }
  }

  /** `unclaimed`: the store did not answer, and `DEDUPE_ON_ERROR=publish`. */
  private claim(key: string): Claim | 'unclaimed' | Promise<Claim | 'unclaimed'> {
    const claim = this.store.claim(key);
    if (typeof claim === 'string') return claim;
    return claim.catch((cause: unknown) => {
      this.metrics.unclaimed.inc({ call: 'claim' });
      if (this.dedupeConfig.onError === 'publish') return 'unclaimed' as const;
      throw new DedupeUnavailableError('the dedupe store does not answer', { cause });
    });
  }

  /** Ends the claim of a failed attempt: released, or abandoned while the outcome is unknown. */
  private async endClaim(key: string, error: unknown): Promise<void> {
    const at = error instanceof PublishError ? error.attemptedAt : undefined;
    await (at
      ? this.updateStore('abandon', this.store.abandon(key, at))
      : this.updateStore('release', this.store.release(key)));
  }

  /**
   * Waits for a call of the store. If it fails, only log it: the lease expires by itself and the
   * outcome on Kafka is already known.
   */
  private updateStore(
    call: DedupeCall,
    update: void | Promise<void>,
  ): Promise<void> | undefined {
    if (!update) return undefined;
    return update.catch((error: unknown) => {
      this.metrics.unclaimed.inc({ call });
      if (this.logLimit.tryAcquire())
        this.logger.warn({ message: 'dedupe store did not answer', call, error });
    });
  }

  private async renew(): Promise<void> {
    if (this.isRenewing) return;
    this.isRenewing = true;
    const now = performance.now();
    const due = Array.from(this.running).filter(
      ([, { claimed, askedAt }]) => claimed && askedAt < now - RENEWAL_MS,
    );
    try {
      const held = await this.store.renew(due.map(([key]) => key));
      due.forEach(([, attempt], i) => {
        if (held[i]) attempt.extend(now + this.store.leaseMs);
      });
    } catch {
      this.metrics.unclaimed.inc({ call: 'renew' });
    } finally {
      this.isRenewing = false;
    }
  }
}
