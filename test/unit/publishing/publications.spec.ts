import { EventEmitter, once } from 'node:events';
import { Logger } from '@nestjs/common';
import {
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import {
  Publications,
  DedupeUnavailableError,
  DeliveryPendingError,
} from '../../../src/publishing/publications.js';
import type { DedupeConfig } from '../../../src/config/config.js';
import { DedupeStore, type Claim } from '../../../src/publishing/dedupe-store.js';
import type { PartitionId } from '../../../src/infrastructure/kafka/partition-id.js';
import { Metrics } from '../../../src/infrastructure/metrics/metrics.js';
import {
  PublishError,
  type PublishPermit,
} from '../../../src/publishing/event-publisher.js';
import { RedisUnavailableError } from '../../../src/infrastructure/redis/redis-scripts.js';
import { FAKED_CLOCK } from '../../support/clock.js';

const LEASE_MS = 9000;
/** The deadline where it does not matter. */
const FAR = Infinity;

/** Notes its calls, and answers as the test wants. */
class RecordingStore extends DedupeStore {
  override readonly leaseMs = LEASE_MS;
  readonly calls: string[] = [];
  /** The answer to each renewal. */
  holds = true;
  answer: () => Claim | Promise<Claim> = () => 'taken';
  failing: string[] = [];

  override claim(key: string): Claim | Promise<Claim> {
    this.calls.push(`claim ${key}`);
    return this.failing.includes('claim') ? this.reject() : this.answer();
  }

  override confirm(key: string): void | Promise<void> {
    return this.record('confirm', key);
  }

  override release(key: string): void | Promise<void> {
    return this.record('release', key);
  }

  override abandon(key: string, at: PartitionId): void | Promise<void> {
    return this.record('abandon', `${key} ${at.topic}/${at.partition}`);
  }

  override renew(keys: readonly string[]): boolean[] | Promise<boolean[]> {
    if (keys.length > 0) this.calls.push(`renew ${keys.join()}`);
    if (this.failing.includes('renew')) return this.reject();
    return keys.map(() => this.holds);
  }

  override get unready(): undefined {
    return undefined;
  }

  private record(call: string, key: string): void | Promise<void> {
    this.calls.push(`${call} ${key}`);
    if (this.failing.includes(call)) return this.reject();
  }

  private reject(): Promise<never> {
    return Promise.reject(new RedisUnavailableError('down'));
  }
}

let store: RecordingStore;
let metrics: Metrics;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  jest.useFakeTimers(FAKED_CLOCK);
  store = new RecordingStore();
  metrics = new Metrics();
});

afterEach(() => {
  jest.useRealTimers();
});

function publicationsWith(onError: 'publish' | 'refuse' = 'publish'): Publications {
  const config = { onError } as DedupeConfig;
  const publications = new Publications(store, metrics, 100, config);
  publications.onModuleInit();
  return publications;
}

/** A publish function that the test ends. */
class Publication {
  calls = 0;
  private readonly outcome = new EventEmitter();

  readonly publish = async (): Promise<void> => {
    this.calls++;
    await once(this.outcome, 'end'); // rejects when an `error` is emitted
  };

  end(): void {
    this.outcome.emit('end');
  }

  fail(error: Error): void {
    this.outcome.emit('error', error);
  }
}

const turn = () => new Promise(setImmediate);
const count = async (call: string) => {
  const { values } = await metrics.unclaimed.get();
  return values.find(({ labels }) => labels.call === call)?.value ?? 0;
};

describe('isPublished', () => {
  it('releases its claim, so that the key can still be published', async () => {
    const publications = publicationsWith();
    expect(await publications.isPublished('k')).toBe(false);
    expect(store.calls).toEqual(['claim k', 'release k']);
    store.answer = () => 'done';
    expect(await publications.isPublished('k')).toBe(true);
  });

  it('waits for the publication in this process, and throws for one of another replica', async () => {
    const publications = publicationsWith();
    store.answer = () => 'pending';
    await expect(publications.isPublished('k')).rejects.toThrow(DeliveryPendingError);
    store.answer = () => 'taken';
    const publication = new Publication();
    void publications.begin('k', FAR, publication.publish);
    await turn();
    const answer = publications.isPublished('k');
    publication.end();
    expect(await answer).toBe(true);
  });
});

describe('a publication', () => {
  it('claims, publishes and confirms, in this order', async () => {
    const order = store.calls;
    const outcome = publicationsWith().begin('k', FAR, async () => {
      order.push('publish');
      await turn();
    });
    expect(await outcome).toBe('published');
    expect(order).toEqual(['claim k', 'publish', 'confirm k']);
  });

  it('of a published key is a duplicate and publishes nothing', async () => {
    store.answer = () => 'done';
    const publication = new Publication();
    expect(await publicationsWith().begin('k', FAR, publication.publish)).toBe(
      'duplicate',
    );
    expect(publication.calls).toBe(0);
    expect(store.calls).toEqual(['claim k']);
  });

  it('of a key that another replica publishes fails, and leaves the claim of the other', async () => {
    store.answer = () => Promise.resolve('pending');
    const publication = new Publication();
    const outcome = publicationsWith().begin('k', FAR, publication.publish);
    await expect(outcome).rejects.toBeInstanceOf(DeliveryPendingError);
    expect(publication.calls).toBe(0);
    expect(store.calls).toEqual(['claim k']);
  });

  it('that fails releases its claim before it rejects', async () => {
    const error = new Error('no broker');
    const outcome = publicationsWith().begin('k', FAR, () => Promise.reject(error));
    await expect(outcome).rejects.toBe(error);
    expect(store.calls).toEqual(['claim k', 'release k']);
  });

  it('with an unknown outcome abandons its claim', async () => {
    const error = new PublishError('producer-fatal', { topic: 't', partition: 3 });
    const outcome = publicationsWith().begin('k', FAR, () => Promise.reject(error));
    await expect(outcome).rejects.toBe(error);
    expect(store.calls).toEqual(['claim k', 'abandon k t/3']);
  });

  it('gets a permit with its deadline, the time of the claim and the end of the lease', async () => {
    const before = performance.now();
    let permit: PublishPermit | undefined;
    await publicationsWith().begin('k', 1234, (given) => {
      permit = given;
      return Promise.resolve();
    });
    expect(permit).toMatchObject({ deadline: 1234, askedAt: before });
    expect(permit?.heldUntil).toBe(before + LEASE_MS);
  });

  it('is in flight from its first moment to its last', async () => {
    const answers = new EventEmitter();
    store.answer = async () => {
      const [claim] = (await once(answers, 'claim')) as [Claim];
      return claim;
    };
    const publications = publicationsWith();
    expect(publications.inFlight('k')).toBeUndefined();
    const publication = new Publication();
    const outcome = publications.begin('k', FAR, publication.publish);
    expect(publications.inFlight('k')).toBe(outcome);
    expect(publications.inFlight('other')).toBeUndefined();
    await turn();
    answers.emit('claim', 'taken');
    await turn();
    expect(publications.inFlight('k')).toBe(outcome);
    publication.end();
    expect(await Promise.all([outcome, outcome])).toEqual(['published', 'published']);
    expect(publication.calls).toBe(1);
    expect(publications.inFlight('k')).toBeUndefined();
  });

  it('rejects for all that joined it, and a later one begins anew', async () => {
    const publications = publicationsWith();
    const publication = new Publication();
    const outcome = publications.begin('k', FAR, publication.publish);
    const joined = publications.inFlight('k');
    await turn();
    publication.fail(new Error('no broker'));
    await expect(outcome).rejects.toThrow('no broker');
    await expect(joined).rejects.toThrow('no broker');
    expect(await publications.begin('k', FAR, () => Promise.resolve())).toBe('published');
  });

  it('is counted by a gauge while it runs', async () => {
    const publications = publicationsWith();
    const publication = new Publication();
    const outcome = publications.begin('k', FAR, publication.publish);
    const running = /^gemini_bridge_attempts (\d+)$/m;
    await turn();
    expect(running.exec(await metrics.registry.metrics())?.[1]).toBe('1');
    publication.end();
    await outcome;
    expect(running.exec(await metrics.registry.metrics())?.[1]).toBe('0');
  });
});

describe('while the store does not answer', () => {
  it('a publication goes on with DEDUPE_ON_ERROR=publish', async () => {
    store.failing = ['claim', 'confirm'];
    expect(await publicationsWith().begin('k', FAR, () => Promise.resolve())).toBe(
      'published',
    );
    expect([await count('claim'), await count('confirm')]).toEqual([1, 1]);
  });

  it('a publication fails with DEDUPE_ON_ERROR=refuse', async () => {
    store.failing = ['claim'];
    const publication = new Publication();
    const outcome = publicationsWith('refuse').begin('k', FAR, publication.publish);
    await expect(outcome).rejects.toBeInstanceOf(DedupeUnavailableError);
    expect(publication.calls).toBe(0);
    expect(store.calls).toEqual(['claim k']);
  });

  it('a success stays a success, and a failure keeps its own error', async () => {
    store.failing = ['confirm', 'release'];
    const publications = publicationsWith('refuse');
    expect(await publications.begin('a', FAR, () => Promise.resolve())).toBe('published');
    const error = new Error('no broker');
    await expect(publications.begin('b', FAR, () => Promise.reject(error))).rejects.toBe(
      error,
    );
    expect([await count('confirm'), await count('release')]).toEqual([1, 1]);
  });
});

/** The permit of a publication that has been under way for so long. */
async function permitAfter(ms: number): Promise<PublishPermit> {
  let permit: PublishPermit | undefined;
  const publication = new Publication();
  void publicationsWith().begin('k', FAR, (given) => {
    permit = given;
    return publication.publish();
  });
  await turn();
  for (let i = 0; i < ms / 1000; i++) {
    jest.advanceTimersByTime(1000);
    await turn();
  }
  return permit as PublishPermit;
}

describe('a lease', () => {
  it('is renewed well before it expires, until the outcome is known', async () => {
    const publications = publicationsWith();
    const publication = new Publication();
    const outcome = publications.begin('k', FAR, publication.publish);
    await turn();
    for (let i = 0; i < 36; i++) {
      jest.advanceTimersByTime(LEASE_MS / 9);
      await turn();
    }
    const renewals = store.calls.filter((call) => call === 'renew k');
    expect(renewals.length).toBeGreaterThanOrEqual(30);
    publication.end();
    await outcome;
    store.calls.length = 0;
    jest.advanceTimersByTime(LEASE_MS * 4);
    expect(store.calls).toEqual([]);
  });

  it('is not renewed when the claim failed', async () => {
    store.failing = ['claim'];
    const publication = new Publication();
    void publicationsWith().begin('k', FAR, publication.publish);
    await turn();
    jest.advanceTimersByTime(LEASE_MS * 4);
    expect(store.calls).toEqual(['claim k']);
  });

  it('holds longer after each renewal', async () => {
    const permit = await permitAfter(4 * LEASE_MS);
    expect(permit.heldUntil).toBeGreaterThan(performance.now() + LEASE_MS / 2);
  });

  it.each([
    ['another replica has it', () => (store.holds = false)],
    ['the store does not answer', () => store.failing.push('renew')],
  ])('ends when %s, and a later renewal does not restore it', async (_, happens) => {
    happens();
    const permit = await permitAfter(2 * LEASE_MS);
    const ended = permit.heldUntil;
    expect(ended).toBeLessThan(performance.now());
    store.holds = true;
    store.failing = [];
    jest.advanceTimersByTime(LEASE_MS);
    await turn();
    expect(permit.heldUntil).toBe(ended);
  });

  it('that cannot be renewed does not end the publication', async () => {
    store.failing = ['renew'];
    const publications = publicationsWith();
    const publication = new Publication();
    const outcome = publications.begin('k', FAR, publication.publish);
    await turn();
    jest.advanceTimersByTime(LEASE_MS);
    await turn();
    expect(await count('renew')).toBeGreaterThan(0);
    publication.end();
    expect(await outcome).toBe('published');
  });
});

describe('beforeApplicationShutdown', () => {
  it('waits until the publications under way are confirmed', async () => {
    const publications = publicationsWith();
    const publication = new Publication();
    const outcome = publications.begin('k', FAR, publication.publish);
    const ready = publications.beforeApplicationShutdown();
    await turn();
    publication.end();
    await jest.advanceTimersByTimeAsync(20);
    await ready;
    expect(store.calls).toEqual(['claim k', 'confirm k']);
    expect(await outcome).toBe('published');
  });

  it('waits for half of the shutdown timeout at most', async () => {
    const publications = publicationsWith();
    void publications.begin('k', FAR, new Publication().publish);
    const ready = publications.beforeApplicationShutdown();
    await jest.advanceTimersByTimeAsync(60);
    await ready;
    expect(publications.inFlight('k')).toBeDefined();
  });
});
