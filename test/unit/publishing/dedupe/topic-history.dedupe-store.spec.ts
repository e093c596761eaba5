import { EventEmitter, once } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { fingerprintOf } from '../../../../src/publishing/dedupe/fingerprint-set.js';
import { Leases, LocalLeases } from '../../../../src/publishing/dedupe/leases.js';
import { TopicHistoryDedupeStore } from '../../../../src/publishing/dedupe/topic-history.dedupe-store.js';
import { PublishedIds } from '../../../../src/publishing/dedupe/published-ids.js';
import type { TopicFollower } from '../../../../src/publishing/history/topic-follower.js';

/** What the store uses of a tail; the test says what stands in the log, and when it is read. */
class FakeTail {
  onFound: (key: string, timestampMs: number) => void = () => undefined;
  refreshes = 0;
  private readonly log: string[] = [];
  private settle: (() => void)[] = [];

  append(key: string): void {
    this.log.push(key);
  }

  read(): void {
    for (const key of this.log.splice(0)) this.onFound(key, Date.now());
  }

  async whenCurrent(): Promise<void> {
    this.refreshes++;
    this.read();
  }

  whenDrained(): Promise<void> {
    return new Promise((resolve) => this.settle.push(resolve));
  }

  async settleNow(): Promise<void> {
    this.read();
    for (const resolve of this.settle.splice(0)) resolve();
    await new Promise(setImmediate);
  }
}

/** As Redis answers: later, and for all replicas. */
class SharedLeases extends Leases {
  override readonly leaseMs = 10_000;
  readonly finished: string[] = [];
  readonly renewed: string[][] = [];

  constructor(
    private readonly holder: string,
    private readonly holders: Map<string, string>,
  ) {
    super();
  }

  override async acquire(key: string): Promise<boolean> {
    await new Promise(setImmediate);
    const holder = this.holders.get(key) ?? this.holder;
    if (holder === this.holder) this.holders.set(key, holder);
    return holder === this.holder;
  }

  override async releaseLease(key: string): Promise<void> {
    this.holders.delete(key);
  }

  override finish(key: string): void {
    this.finished.push(key);
  }

  override async renew(keys: readonly string[]): Promise<boolean[]> {
    this.renewed.push([...keys]);
    return keys.map(() => true);
  }

  override get unready(): undefined {
    return undefined;
  }
}

const AT = { topic: 'gemini.other', partition: 0 };

const newIds = () => new PublishedIds(72 * 3_600_000, 1000, Date.now);
let tail: FakeTail;

beforeEach(() => {
  tail = new FakeTail();
});

const asTail = (fake: FakeTail) => fake as unknown as TopicFollower;

describe('the log as a memory, in one replica', () => {
  let store: TopicHistoryDedupeStore;
  beforeEach(() => {
    store = new TopicHistoryDedupeStore(asTail(tail), new LocalLeases(), newIds());
  });

  it('knows what stands in the log without having written it', () => {
    expect(store.claim('a')).toBe('taken');
    void store.release('a');
    tail.append('a');
    tail.read();
    expect(store.claim('a')).toBe('done');
  });

  it('lets one in, and answers the others by what became of it', () => {
    expect(store.claim('a')).toBe('taken');
    expect(store.claim('a')).toBe('pending');
    void store.release('a');
    expect(store.claim('a')).toBe('taken');
    store.confirm('a');
    expect(store.claim('a')).toBe('done');
  });

  it.each([true, false])(
    'settles an unknown outcome by reading, not guessing (written: %s)',
    async (written) => {
      void store.claim('a');
      store.abandon('a', AT);
      expect(store.claim('a')).toBe('pending');
      if (written) tail.append('a');
      expect(store.claim('a')).toBe('pending');
      await tail.settleNow();
      expect(store.claim('a')).toBe(written ? 'done' : 'taken');
    },
  );
});

describe('the log as a memory, in two replicas', () => {
  let holders: Map<string, string>;
  let leases: SharedLeases;
  let ids: PublishedIds;
  let store: TopicHistoryDedupeStore;
  beforeEach(() => {
    holders = new Map();
    leases = new SharedLeases('me', holders);
    ids = newIds();
    store = new TopicHistoryDedupeStore(asTail(tail), leases, ids);
  });

  it('holds back what the other is at, and has not published', async () => {
    holders.set('a', 'other');
    expect(await store.claim('a')).toBe('pending');
    expect(tail.refreshes).toBe(1);
  });

  it('looks into the log for what the other has just published', async () => {
    holders.set('a', 'other');
    tail.append('a');
    expect(await store.claim('a')).toBe('done');
  });

  it('does not publish what it read while it took the lease, and gives that back', async () => {
    const claim = store.claim('a');
    ids.add(fingerprintOf('a'));
    expect(await claim).toBe('done');
    expect(holders.has('a')).toBe(false);
  });

  it('says done also when the lease cannot be given back', async () => {
    leases.releaseLease = () => Promise.reject(new Error('no answer'));
    const claim = store.claim('a');
    ids.add(fingerprintOf('a'));
    expect(await claim).toBe('done');
  });

  it('leaves the lease of what it published to run out', async () => {
    expect(await store.claim('a')).toBe('taken');
    store.confirm('a');
    expect(holders.get('a')).toBe('me');
    expect(leases.finished).toEqual(['a']);
    expect(store.claim('a')).toBe('done');
  });

  it('lets nobody have what it gave up before its lease is given back', async () => {
    await store.claim('a');
    store.abandon('a', AT);
    const giving = new EventEmitter();
    leases.releaseLease = async () => void (await once(giving, 'given'));
    await tail.settleNow();
    expect(store.claim('a')).toBe('pending');
    giving.emit('given');
    await new Promise(setImmediate);
    expect(await store.claim('a')).toBe('taken');
  });

  it('keeps the lease of what it gave up without knowing the outcome', async () => {
    await store.claim('a');
    store.abandon('a', AT);
    await store.renew(['b']);
    expect(leases.renewed).toEqual([['b', 'a']]);
    await tail.settleNow();
    expect(holders.has('a')).toBe(false);
    await store.renew([]);
    expect(leases.renewed.at(-1)).toEqual([]);
  });
});
