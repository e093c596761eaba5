import type { OnApplicationShutdown } from '@nestjs/common';
import type { PartitionId } from '../../infrastructure/kafka/partition-id.js';
import { DedupeStore, type Claim } from '../dedupe-store.js';
import type { TopicHistory } from '../topic-history.js';
import { fingerprintOf, type Fingerprint } from './fingerprint-set.js';
import type { Leases } from './leases.js';
import type { PublishedIds } from './published-ids.js';

/** How long a refused claim waits for the record that another replica may just have published, in ms. */
const REFRESH_MS = 500;

/**
 * Takes the published ids from Kafka's topics, so neither a crash nor a restart nor an empty
 * Redis forgets them. Only the leases are elsewhere.
 *
 * The store does not ask whether the history is current. The publisher does, for the partition
 * that the record goes to.
 */
export class TopicHistoryDedupeStore
  extends DedupeStore
  implements OnApplicationShutdown
{
  private readonly claimed = new Map<string, Fingerprint>();
  /** Keys whose outcome is unknown. They stay pending until the topic history has it. */
  private readonly abandoned = new Set<string>();
  /** Abandoned keys whose lease is still renewed. */
  private readonly renewed = new Set<string>();

  /** @param published the ids that the topic history finds; the store adds its own. */
  constructor(
    private readonly history: TopicHistory,
    private readonly leases: Leases & Partial<OnApplicationShutdown>,
    private readonly published: PublishedIds,
  ) {
    super();
  }

  override get leaseMs(): number {
    return this.leases.leaseMs;
  }

  override claim(key: string): Claim | Promise<Claim> {
    const fingerprint = fingerprintOf(key);
    if (this.published.has(fingerprint)) return 'done';
    if (this.abandoned.has(key)) return 'pending';
    const taken = this.leases.acquire(key);
    if (typeof taken === 'object') return this.claimLater(key, fingerprint, taken);
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

  /** The key stays pending until the topic history shows whether the record was written. */
  override abandon(key: string, at: PartitionId): void {
    this.claimed.delete(key);
    this.abandoned.add(key);
    this.renewed.add(key);
    void this.settle(key, at);
  }

  override renew(
    keys: readonly string[],
  ): readonly boolean[] | Promise<readonly boolean[]> {
    return this.leases.renew([...keys, ...this.renewed]);
  }

  override get unready(): string | undefined {
    return this.leases.unready;
  }

  onApplicationShutdown(): void {
    this.leases.onApplicationShutdown?.();
  }

  private async claimLater(
    key: string,
    fingerprint: Fingerprint,
    taken: Promise<boolean>,
  ): Promise<Claim> {
    const isOurs = await taken;
    if (!isOurs) await this.history.whenCurrent(REFRESH_MS); // the holder may have published it
    if (this.published.has(fingerprint)) {
      if (isOurs) void this.releaseQuietly(key);
      return 'done';
    }
    if (isOurs) this.claimed.set(key, fingerprint);
    return isOurs ? 'taken' : 'pending';
  }

  private async settle(key: string, at: PartitionId): Promise<void> {
    await this.history.whenDrained(at);
    this.renewed.delete(key);
    if (this.published.has(fingerprintOf(key))) this.leases.finish(key);
    else await this.releaseQuietly(key);
    this.abandoned.delete(key); // last, so that no claim takes the lease while it is released
  }

  private async releaseQuietly(key: string): Promise<void> {
    try {
      await this.leases.releaseLease(key);
    } catch {
      // the lease expires by itself
    }
  }
}
