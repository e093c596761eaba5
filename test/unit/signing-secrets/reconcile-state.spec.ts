import { describe, expect, it } from '@jest/globals';
import {
  areSecretsHeld,
  NEVER_RECONCILED,
  withJobPollDue,
  withReconcileLease,
  withReconciliationEnded,
  withTries,
  type WebhookObservation,
} from '../../../src/signing-secrets/reconcile-state.js';
import { EMPTY } from '../../../src/signing-secrets/secrets-document.js';

const NOW = 1_800_000_000_000;
const LEASE = { holder: 'one', until: NOW + 120_000 };
const OTHER = { holder: 'two', until: NOW + 240_000 };

const observation = (isHeld = true): WebhookObservation => ({
  name: 'main',
  state: 'enabled',
  drift: [],
  isHeld,
});

describe('the lease of a reconciliation', () => {
  const leased = withReconcileLease(NEVER_RECONCILED, LEASE, NOW, NOW);

  it('is given to the first process', () => {
    expect(leased.round).toEqual(LEASE);
    expect(withReconcileLease(leased, OTHER, LEASE.until - 1, -Infinity)).toBe(leased);
  });

  it('is given to another process after its end', () => {
    const taken = withReconcileLease(leased, OTHER, LEASE.until, -Infinity);
    expect(taken.round).toEqual(OTHER);
  });

  it('is not given while the observations are fresh', () => {
    const state = { ...NEVER_RECONCILED, seen: { at: NOW, webhooks: {} } };
    expect(withReconcileLease(state, LEASE, NOW, NOW - 1)).toBe(state);
    expect(withReconcileLease(state, LEASE, NOW, NOW).round).toEqual(LEASE);
    expect(withReconcileLease(state, LEASE, NOW, Infinity).round).toEqual(LEASE);
  });

  it('ends with the observations', () => {
    const ended = withReconciliationEnded(leased, 'one', { w1: observation() }, NOW);
    expect(ended.round).toBeUndefined();
    expect(ended.seen).toEqual({ at: NOW, webhooks: { w1: observation() } });
  });

  it('ends without a result after a failure: the earlier observations stay', () => {
    const seen = { at: 1, webhooks: { w1: observation() } };
    const ended = withReconciliationEnded({ ...leased, seen }, 'one', undefined, NOW);
    expect(ended).toEqual({ ...NEVER_RECONCILED, round: undefined, seen });
  });

  it('of another process is kept', () => {
    expect(withReconciliationEnded(leased, 'two', {}, NOW).round).toEqual(LEASE);
  });
});

describe('withTries', () => {
  const tries = { count: 1, at: NOW };

  it('sets and forgets the tries of one webhook', () => {
    const one = withTries(NEVER_RECONCILED, 'revivals', 'w1', tries);
    const two = withTries(one, 'revivals', 'w2', tries);
    expect(two.revivals).toEqual({ w1: tries, w2: tries });
    expect(two.relearnings).toEqual({});
    expect(withTries(two, 'revivals', 'w1', undefined).revivals).toEqual({ w2: tries });
  });

  it('keeps the secrets of the document', () => {
    const document = { ...EMPTY, lostUntil: NOW };
    expect(withTries(document, 'creationTries', 'https://a', tries)).toEqual({
      ...document,
      creationTries: { 'https://a': tries },
    });
  });
});

describe('withJobPollDue', () => {
  it.each([true, false])('sets %p', (isDue) => {
    expect(withJobPollDue(NEVER_RECONCILED, isDue).lookDue).toBe(isDue);
  });
});

describe('areSecretsHeld', () => {
  it('is false before the first reconciliation', () => {
    expect(areSecretsHeld(NEVER_RECONCILED)).toBe(false);
  });

  it.each([
    [[], true],
    [[true, true], true],
    [[true, false], false],
  ])('of webhooks whose secret is stored: %j is %p', (held, expected) => {
    const webhooks = Object.fromEntries(
      held.map((isHeld, i) => [i, observation(isHeld)]),
    );
    const state = { ...NEVER_RECONCILED, seen: { at: NOW, webhooks } };
    expect(areSecretsHeld(state)).toBe(expected);
  });
});
