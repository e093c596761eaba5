import type { OnApplicationShutdown } from '@nestjs/common';
import type { TopicFollower } from '../history/topic-follower.js';
import type { PartitionId } from '../../infrastructure/kafka/partition-id.js';
import { DedupeStore, type Claim } from '../dedupe-store.js';
import { fingerprintOf, type Fingerprint } from './fingerprint-set.js';
import type { Leases } from './leases.js';
import type { PublishedIds } from './published-ids.js';

/** What another replica may just have published is looked for in the log for this long, in ms. */
const REFRESH_MS = 500;

/**
 * Kafka itself is the memory of what was published: nothing that stands on the topics is
 * forgotten by a crash, a restart or a wiped Redis. Only who is at it now is elsewhere.
 *
 * Whether the log is known far enough is asked by the publisher, of the partition that the
 * record goes to.
 */
export class TopicHistoryDedupeStore
  extends DedupeStore
  implements OnApplicationShutdown
{
  private readonly claimed = new Map<string, Fingerprint>();
  /** Given up with an unknown outcome: nobody's until the log tells. */
  private readonly abandoned = new Set<string>();
  /** Those of them whose lease is still renewed. */
  private readonly held = new Set<string>();

  constructor(
    private readonly tail: TopicFollower,
    private readonly leases: Leases & Partial<OnApplicationShutdown>,
    private readonly published: PublishedIds,
  ) {
    super();
    tail.onFound = (key, timestampMs) => published.add(fingerprintOf(key), timestampMs);
  }

  override get leaseMs(): number {
    return this.leases.leaseMs;
  }

  override claim(key: string): Claim | Promise<Claim> {
    const fingerprint = fingerprintOf(key);
    if (this.published.has(fingerprint)) return 'done';
    if (this.abandoned.has(key)) return 'pending';
    const taken = this.leases.acquire(key);
    if (typeof taken === 'object') return this.taking(key, fingerprint, taken);
    if (taken) this.claimed.set(key, fingerprint);
    return taken ? 'taken' : 'pending';
  }

  override confirm(key: string): void {
    this.published.add(this.claimed.get(key) ?? fingerprintOf(key));
    this.claimed.delete(key);
    this.leases.finish(key);
  }

  override release(key: string): void | Promise<void> {
    this.claimed.delete(key);
    return this.leases.releaseLease(key);
  }

  /** Nobody may try again before the log tells what became of it. */
  override abandon(key: string, at: PartitionId): void {
    this.claimed.delete(key);
    this.abandoned.add(key);
    this.held.add(key);
    void this.settle(key, at);
  }

  override renew(
    keys: readonly string[],
  ): readonly boolean[] | Promise<readonly boolean[]> {
    return this.leases.renew([...keys, ...this.held]);
  }

  override get unready(): string | undefined {
    return this.leases.unready;
  }

  onApplicationShutdown(): void {
    this.leases.onApplicationShutdown?.();
  }

  private async taking(
    key: string,
    fingerprint: Fingerprint,
    taken: Promise<boolean>,
  ): Promise<Claim> {
    const isOurs = await taken;
    if (!isOurs) await this.tail.whenCurrent(REFRESH_MS); // it may be published already
    if (this.published.has(fingerprint)) {
      if (isOurs) void this.giveBack(key);
      return 'done';
    }
    if (isOurs) this.claimed.set(key, fingerprint);
    return isOurs ? 'taken' : 'pending';
  }

  private async settle(key: string, at: PartitionId): Promise<void> {
    await this.tail.whenDrained(at);
    this.held.delete(key);
    if (this.published.has(fingerprintOf(key))) this.leases.finish(key);
    else await this.giveBack(key);
    this.abandoned.delete(key); // last: what is given back must not be taken meanwhile
  }

  private async giveBack(key: string): Promise<void> {
    try {
      await this.leases.releaseLease(key);
    } catch {
      // it runs out by itself
    }
  }
}
