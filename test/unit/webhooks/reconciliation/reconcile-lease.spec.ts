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
import type { Config } from '../../../../src/config/config.js';
import { SigningSecrets } from '../../../../src/signing-secrets/signing-secrets.js';
import { ReconcileLease } from '../../../../src/webhooks/reconciliation/reconcile-lease.js';
import { SkippingClock } from '../../../support/manual-clock.js';
import { MemorySecretsStore } from '../../../support/memory.secrets-store.js';

const INTERVAL_MS = 300_000;
const LEASE_MS = 120_000;
const OBSERVED = {
  w1: { name: 'main', state: 'enabled', drift: [], isHeld: true },
};

let store: MemorySecretsStore;
let now: number;

const secretsOn = (of: MemorySecretsStore | undefined) =>
  new SigningSecrets(of, { vault: {}, webhooks: {} } as Config, new SkippingClock());

/** The lease of another process on the same store. */
const leaseOf = (secrets = secretsOn(store)) => new ReconcileLease(secrets, INTERVAL_MS);

function passTime(ms: number): void {
  now += ms;
}

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  store = new MemorySecretsStore();
  now = 1_800_000_000_000;
  jest.spyOn(Date, 'now').mockImplementation(() => now);
});

afterEach(() => {
  jest.restoreAllMocks();
});

describe('ReconcileLease', () => {
  it('is had by one process at a time', async () => {
    const [one, other] = [leaseOf(), leaseOf()];
    expect(await one.acquire(false)).toBe(true);
    expect(await other.acquire(true)).toBe(false);
    await one.release(undefined);
    expect(await other.acquire(false)).toBe(true);
  });

  it('ends by itself if its process dies', async () => {
    await leaseOf().acquire(false);
    passTime(LEASE_MS - 1);
    expect(await leaseOf().acquire(true)).toBe(false);
    passTime(1);
    expect(await leaseOf().acquire(true)).toBe(true);
  });

  it('is not given for half an interval after a reconciliation, except with force', async () => {
    const [one, other] = [leaseOf(), leaseOf()];
    await one.acquire(false);
    await one.release(OBSERVED);
    passTime(INTERVAL_MS / 2 - 1);
    expect(await other.acquire(false)).toBe(false);
    expect(await other.acquire(true)).toBe(true);
    await other.release(undefined);
    passTime(1);
    expect(await other.acquire(false)).toBe(true);
  });

  it('stores the observations, and removes expired secrets', async () => {
    const secrets = secretsOn(store);
    const expired = { keyId: 'a', sealed: 'sealed', issuedAt: 0, expiresAt: 1 };
    await secrets.updateDocument((document) => ({
      ...document,
      webhooks: { w1: { secrets: [expired] } },
    }));
    const lease = leaseOf(secrets);
    await lease.acquire(false);
    await lease.release(OBSERVED);
    expect(secrets.document.seen?.webhooks).toEqual(OBSERVED);
    expect(secrets.document.webhooks).toEqual({});
  });

  it('is had by every process without a store', async () => {
    const [one, other] = [leaseOf(secretsOn(undefined)), leaseOf(secretsOn(undefined))];
    expect([await one.acquire(false), await other.acquire(false)]).toEqual([true, true]);
    await one.release(OBSERVED);
  });
});
