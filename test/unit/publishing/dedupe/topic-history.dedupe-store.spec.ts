import { EventEmitter, once } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { fingerprintOf } from '../../../../src/publishing/dedupe/fingerprint-set.js';
import { Leases, LocalLeases } from '../../../../src/publishing/dedupe/leases.js';
import { TopicHistoryDedupeStore } from '../../../../src/publishing/dedupe/topic-history.dedupe-store.js';
import { PublishedIds } from '../../../../src/publishing/dedupe/published-ids.js';
import { NoTopicHistory } from '../../../../src/publishing/topic-history.js';

/** Topics whose records are read when the test says so. */
class FakeHistory extends NoTopicHistory {
  refreshes = 0;
  private readonly unread: string[] = [];
  private drained: (() => void)[] = [];

  constructor(private readonly published: PublishedIds) {
    super();
  }

  append(key: string): void {
    this.unread.push(key);
  }

  readAppended(): void {
    for (const key of this.unread.splice(0)) this.published.add(fingerprintOf(key));
  }

  override async whenCurrent(): Promise<void> {
    this.refreshes++;
    this.readAppended();
  }

  override whenDrained(): Promise<void> {
    return new Promise((resolve) => this.drained.push(resolve));
  }

  async drain(): Promise<void> {
    this.readAppended();
    for (const resolve of this.drained.splice(0)) resolve();
    await new Promise(setImmediate);
  }
}

/** Leases that several replicas share. They answer later, like those in Redis. */
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

let ids: PublishedIds;
let history: FakeHistory;

beforeEach(() => {
  ids = new PublishedIds(72 * 3_600_000, 1000, Date.now);
  history = new FakeHistory(ids);
});

describe('TopicHistoryDedupeStore in one replica', () => {
  let store: TopicHistoryDedupeStore;
  beforeEach(() => {
    store = new TopicHistoryDedupeStore(history, new LocalLeases(), ids);
  });

  it('knows a record in the topics that it did not write itself', () => {
    expect(store.claim('a')).toBe('taken');
    void store.release('a');
    history.append('a');
    history.readAppended();
    expect(store.claim('a')).toBe('done');
  });

  it('gives a key to one claim at a time, and answers done after the confirmation', () => {
    expect(store.claim('a')).toBe('taken');
    expect(store.claim('a')).toBe('pending');
    void store.release('a');
    expect(store.claim('a')).toBe('taken');
    store.confirm('a');
    expect(store.claim('a')).toBe('done');
  });

  it.each([true, false])(
    'keeps an abandoned key pending until the topics show the outcome (written: %s)',
    async (written) => {
      void store.claim('a');
      store.abandon('a', AT);
      expect(store.claim('a')).toBe('pending');
      if (written) history.append('a');
      expect(store.claim('a')).toBe('pending');
      await history.drain();
      expect(store.claim('a')).toBe(written ? 'done' : 'taken');
    },
  );
});

describe('TopicHistoryDedupeStore in two replicas', () => {
  let holders: Map<string, string>;
  let leases: SharedLeases;
  let store: TopicHistoryDedupeStore;
  beforeEach(() => {
    holders = new Map();
    leases = new SharedLeases('me', holders);
    store = new TopicHistoryDedupeStore(history, leases, ids);
  });

  it('answers pending while the other replica holds the lease and has not published', async () => {
    holders.set('a', 'other');
    expect(await store.claim('a')).toBe('pending');
    expect(history.refreshes).toBe(1);
  });

  it('reads the topics for a record that the other replica has just published', async () => {
    holders.set('a', 'other');
    history.append('a');
    expect(await store.claim('a')).toBe('done');
  });

  it('answers done for a record that it reads while it acquires the lease, and releases the lease', async () => {
    const claim = store.claim('a');
    ids.add(fingerprintOf('a'));
    expect(await claim).toBe('done');
    expect(holders.has('a')).toBe(false);
  });

  it('answers done also when the lease cannot be released', async () => {
    leases.releaseLease = () => Promise.reject(new Error('no answer'));
    const claim = store.claim('a');
    ids.add(fingerprintOf('a'));
    expect(await claim).toBe('done');
  });

  it('lets the lease of a published key expire', async () => {
    expect(await store.claim('a')).toBe('taken');
    store.confirm('a');
    expect(holders.get('a')).toBe('me');
    expect(leases.finished).toEqual(['a']);
    expect(store.claim('a')).toBe('done');
  });

  it('keeps an abandoned key pending until its lease is released', async () => {
    await store.claim('a');
    store.abandon('a', AT);
    const release = new EventEmitter();
    leases.releaseLease = async () => void (await once(release, 'done'));
    await history.drain();
    expect(store.claim('a')).toBe('pending');
    release.emit('done');
    await new Promise(setImmediate);
    expect(await store.claim('a')).toBe('taken');
  });

  it('renews the lease of an abandoned key until the outcome is known', async () => {
    await store.claim('a');
    store.abandon('a', AT);
    await store.renew(['b']);
    expect(leases.renewed).toEqual([['b', 'a']]);
    await history.drain();
    expect(holders.has('a')).toBe(false);
    await store.renew([]);
    expect(leases.renewed.at(-1)).toEqual([]);
  });
});
