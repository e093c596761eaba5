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
import type { Config } from '../../../src/config/config.js';
import { DedupeStore, type Claim } from '../../../src/publishing/dedupe-store.js';
import type { PartitionId } from '../../../src/infrastructure/kafka/partition-id.js';
import { Metrics } from '../../../src/infrastructure/metrics/metrics.js';
import {
  PublishError,
  type PublishPermit,
} from '../../../src/publishing/event-publisher.js';
import { RedisUnavailableError } from '../../../src/infrastructure/redis/redis-scripts.js';
import { FAKED_CLOCK } from '../../support/clock.js';

const ACK_BUDGET_MS = 3000;
const LEASE_MS = 9000;
/** Of an attempt whose answer nobody waits for. */
const FAR = Infinity;

/** Writes down what it is told; answers at once or not, as the test wants it. */
class TellingStore extends DedupeStore {
  override readonly leaseMs = LEASE_MS;
  readonly told: string[] = [];
  /** What a renewal answers. */
  holds = true;
  answer: () => Claim | Promise<Claim> = () => 'taken';
  failing: string[] = [];

  override claim(key: string): Claim | Promise<Claim> {
    this.told.push(`claim ${key}`);
    return this.failing.includes('claim') ? this.down() : this.answer();
  }

  override confirm(key: string): void | Promise<void> {
    return this.tell('confirm', key);
  }

  override release(key: string): void | Promise<void> {
    return this.tell('release', key);
  }

  override abandon(key: string, at: PartitionId): void | Promise<void> {
    return this.tell('abandon', `${key} ${at.topic}/${at.partition}`);
  }

  override renew(keys: readonly string[]): boolean[] | Promise<boolean[]> {
    if (keys.length > 0) this.told.push(`renew ${keys.join()}`);
    if (this.failing.includes('renew')) return this.down();
    return keys.map(() => this.holds);
  }

  override get unready(): undefined {
    return undefined;
  }

  private tell(call: string, key: string): void | Promise<void> {
    this.told.push(`${call} ${key}`);
    if (this.failing.includes(call)) return this.down();
  }

  private down(): Promise<never> {
    return Promise.reject(new RedisUnavailableError('down'));
  }
}

let store: TellingStore;
let metrics: Metrics;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  jest.useFakeTimers(FAKED_CLOCK);
  store = new TellingStore();
  metrics = new Metrics();
});

afterEach(() => {
  jest.useRealTimers();
});

function attemptsWith(onError: 'publish' | 'refuse' = 'publish'): Publications {
  const config = {
    ackBudgetMs: ACK_BUDGET_MS,
    shutdownTimeoutMs: 100,
    dedupe: { onError, leaseMs: LEASE_MS },
  };
  const attempts = new Publications(store, metrics, config as unknown as Config);
  attempts.onModuleInit();
  return attempts;
}

/** A publication that the test ends. */
class Publication {
  calls = 0;
  private readonly outcome = new EventEmitter();

  readonly publish = async (): Promise<void> => {
    this.calls++;
    await once(this.outcome, 'end'); // or rejects with what `error` is emitted with
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

describe('whether something was published', () => {
  it('is asked without keeping it from being published', async () => {
    const attempts = attemptsWith();
    expect(await attempts.isPublished('k')).toBe(false);
    expect(store.told).toEqual(['claim k', 'release k']);
    store.answer = () => 'done';
    expect(await attempts.isPublished('k')).toBe(true);
  });

  it('is not known while it is being published', async () => {
    const attempts = attemptsWith();
    store.answer = () => 'pending';
    await expect(attempts.isPublished('k')).rejects.toThrow(DeliveryPendingError);
    store.answer = () => 'taken';
    const publication = new Publication();
    void attempts.begin('k', FAR, publication.publish);
    await turn();
    const answer = attempts.isPublished('k');
    publication.end();
    expect(await answer).toBe(true);
  });
});

describe('an attempt', () => {
  it('claims, publishes and confirms, in this order', async () => {
    const order = store.told;
    const outcome = attemptsWith().begin('k', FAR, async () => {
      order.push('publish');
      await turn();
    });
    expect(await outcome).toBe('published');
    expect(order).toEqual(['claim k', 'publish', 'confirm k']);
  });

  it('publishes nothing that was published before', async () => {
    store.answer = () => 'done';
    const publication = new Publication();
    expect(await attemptsWith().begin('k', FAR, publication.publish)).toBe('duplicate');
    expect(publication.calls).toBe(0);
    expect(store.told).toEqual(['claim k']);
  });

  it('publishes nothing that another replica is at, and leaves its claim alone', async () => {
    store.answer = () => Promise.resolve('pending');
    const publication = new Publication();
    const outcome = attemptsWith().begin('k', FAR, publication.publish);
    await expect(outcome).rejects.toBeInstanceOf(DeliveryPendingError);
    expect(publication.calls).toBe(0);
    expect(store.told).toEqual(['claim k']);
  });

  it('gives its claim back when it failed, before it says so', async () => {
    const error = new Error('no broker');
    const outcome = attemptsWith().begin('k', FAR, () => Promise.reject(error));
    await expect(outcome).rejects.toBe(error);
    expect(store.told).toEqual(['claim k', 'release k']);
  });

  it('is abandoned, not given back, when it is not known what became of it', async () => {
    const error = new PublishError('producer-fatal', { topic: 't', partition: 3 });
    const outcome = attemptsWith().begin('k', FAR, () => Promise.reject(error));
    await expect(outcome).rejects.toBe(error);
    expect(store.told).toEqual(['claim k', 'abandon k t/3']);
  });

  it('may publish until its deadline, while it holds its claim, on what was known before', async () => {
    const before = performance.now();
    let permit: PublishPermit | undefined;
    await attemptsWith().begin('k', 1234, (given) => {
      permit = given;
      return Promise.resolve();
    });
    expect(permit).toMatchObject({ deadline: 1234, askedAt: before });
    expect(permit?.heldUntil).toBe(before + LEASE_MS);
  });

  it('is there to be joined from the first moment to the last', async () => {
    const answers = new EventEmitter();
    store.answer = async () => {
      const [claim] = (await once(answers, 'claim')) as [Claim];
      return claim;
    };
    const attempts = attemptsWith();
    expect(attempts.inFlight('k')).toBeUndefined();
    const publication = new Publication();
    const outcome = attempts.begin('k', FAR, publication.publish);
    expect(attempts.inFlight('k')).toBe(outcome);
    expect(attempts.inFlight('other')).toBeUndefined();
    await turn();
    answers.emit('claim', 'taken');
    await turn();
    expect(attempts.inFlight('k')).toBe(outcome);
    publication.end();
    expect(await Promise.all([outcome, outcome])).toEqual(['published', 'published']);
    expect(publication.calls).toBe(1);
    expect(attempts.inFlight('k')).toBeUndefined();
  });

  it('lets its joiners share its failure, and the next one start anew', async () => {
    const attempts = attemptsWith();
    const publication = new Publication();
    const outcome = attempts.begin('k', FAR, publication.publish);
    const joined = attempts.inFlight('k');
    await turn();
    publication.fail(new Error('no broker'));
    await expect(outcome).rejects.toThrow('no broker');
    await expect(joined).rejects.toThrow('no broker');
    expect(await attempts.begin('k', FAR, () => Promise.resolve())).toBe('published');
  });

  it('is counted while it runs', async () => {
    const attempts = attemptsWith();
    const publication = new Publication();
    const outcome = attempts.begin('k', FAR, publication.publish);
    const running = /^gemini_bridge_attempts (\d+)$/m;
    await turn();
    expect(running.exec(await metrics.registry.metrics())?.[1]).toBe('1');
    publication.end();
    await outcome;
    expect(running.exec(await metrics.registry.metrics())?.[1]).toBe('0');
  });
});

describe('when the store does not answer', () => {
  it('an attempt publishes all the same, by the default', async () => {
    store.failing = ['claim', 'confirm'];
    expect(await attemptsWith().begin('k', FAR, () => Promise.resolve())).toBe(
      'published',
    );
    expect([await count('claim'), await count('confirm')]).toEqual([1, 1]);
  });

  it('an attempt publishes nothing where the policy is to refuse', async () => {
    store.failing = ['claim'];
    const publication = new Publication();
    const outcome = attemptsWith('refuse').begin('k', FAR, publication.publish);
    await expect(outcome).rejects.toBeInstanceOf(DedupeUnavailableError);
    expect(publication.calls).toBe(0);
    expect(store.told).toEqual(['claim k']);
  });

  it('a success stays a success, and a failure its own', async () => {
    store.failing = ['confirm', 'release'];
    const attempts = attemptsWith('refuse');
    expect(await attempts.begin('a', FAR, () => Promise.resolve())).toBe('published');
    const error = new Error('no broker');
    await expect(attempts.begin('b', FAR, () => Promise.reject(error))).rejects.toBe(
      error,
    );
    expect([await count('confirm'), await count('release')]).toEqual([1, 1]);
  });
});

/** Of an attempt that has been under way for so long. */
async function permitAfter(ms: number): Promise<PublishPermit> {
  let permit: PublishPermit | undefined;
  const publication = new Publication();
  void attemptsWith().begin('k', FAR, (given) => {
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
  it('is renewed, well before it runs out, as long as the outcome is open', async () => {
    const attempts = attemptsWith();
    const publication = new Publication();
    const outcome = attempts.begin('k', FAR, publication.publish);
    await turn();
    for (let i = 0; i < 36; i++) {
      jest.advanceTimersByTime(LEASE_MS / 9);
      await turn();
    }
    const renewals = store.told.filter((call) => call === 'renew k');
    expect(renewals.length).toBeGreaterThanOrEqual(30);
    publication.end();
    await outcome;
    store.told.length = 0;
    jest.advanceTimersByTime(LEASE_MS * 4);
    expect(store.told).toEqual([]);
  });

  it('that we do not have is not renewed', async () => {
    store.failing = ['claim'];
    const publication = new Publication();
    void attemptsWith().begin('k', FAR, publication.publish);
    await turn();
    jest.advanceTimersByTime(LEASE_MS * 4);
    expect(store.told).toEqual(['claim k']);
  });

  it('holds for longer with each renewal', async () => {
    const permit = await permitAfter(4 * LEASE_MS);
    expect(permit.heldUntil).toBeGreaterThan(performance.now() + LEASE_MS / 2);
  });

  it.each([
    ['another has it', () => (store.holds = false)],
    ['nobody answers', () => store.failing.push('renew')],
  ])('ends when %s, and is not ours again after that', async (_, happens) => {
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

  it('that could not be renewed does not end the attempt', async () => {
    store.failing = ['renew'];
    const attempts = attemptsWith();
    const publication = new Publication();
    const outcome = attempts.begin('k', FAR, publication.publish);
    await turn();
    jest.advanceTimersByTime(LEASE_MS);
    await turn();
    expect(await count('renew')).toBeGreaterThan(0);
    publication.end();
    expect(await outcome).toBe('published');
  });
});

describe('before the process ends', () => {
  it('what is under way may still be confirmed', async () => {
    jest.useRealTimers();
    const attempts = attemptsWith();
    const publication = new Publication();
    const outcome = attempts.begin('k', FAR, publication.publish);
    const ready = attempts.beforeApplicationShutdown();
    await turn();
    publication.end();
    await ready;
    expect(store.told).toEqual(['claim k', 'confirm k']);
    expect(await outcome).toBe('published');
  });

  it('it does not wait for ever', async () => {
    jest.useRealTimers();
    const attempts = attemptsWith();
    void attempts.begin('k', FAR, new Publication().publish);
    await attempts.beforeApplicationShutdown();
    expect(attempts.inFlight('k')).toBeDefined();
  });
});
