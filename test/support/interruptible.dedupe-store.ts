import { RedisUnavailableError } from '../../src/infrastructure/redis/redis-scripts.js';
import { DedupeStore, type Claim } from '../../src/publishing/dedupe-store.js';
import { MemoryDedupeStore } from '../../src/publishing/dedupe/memory.dedupe-store.js';

/** Remembers in memory. A test can make it fail as the store in Redis does without Redis. */
export class InterruptibleDedupeStore extends DedupeStore {
  /** Calls fail while this is set, and the probe shows it. */
  override unready: string | undefined = undefined;
  private readonly memory = new MemoryDedupeStore(60_000, 1000);

  override get leaseMs(): number {
    return this.memory.leaseMs;
  }

  override async claim(key: string): Promise<Claim> {
    this.assertAvailable();
    return this.memory.claim(key);
  }

  override async confirm(key: string): Promise<void> {
    this.assertAvailable();
    this.memory.confirm(key);
  }

  override async release(key: string): Promise<void> {
    this.assertAvailable();
    this.memory.release(key);
  }

  override async abandon(key: string): Promise<void> {
    this.assertAvailable();
    this.memory.abandon(key);
  }

  override async renew(keys: readonly string[]): Promise<readonly boolean[]> {
    this.assertAvailable();
    return this.memory.renew(keys);
  }

  private assertAvailable(): void {
    if (this.unready !== undefined) throw new RedisUnavailableError(this.unready);
  }
}
