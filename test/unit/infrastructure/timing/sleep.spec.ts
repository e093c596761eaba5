import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { settledWithin } from '../../../../src/infrastructure/timing/settled-within.js';
import { sleep } from '../../../../src/infrastructure/timing/sleep.js';
import { FAKED_CLOCK } from '../../../support/clock.js';

beforeEach(() => void jest.useFakeTimers(FAKED_CLOCK));
afterEach(() => void jest.useRealTimers());

/** Notes whether the promise has settled. */
function watch(promise: Promise<unknown>): { isSettled: boolean } {
  const state = { isSettled: false };
  const settle = () => (state.isSettled = true);
  promise.then(settle, settle);
  return state;
}

describe('sleep', () => {
  it('resolves after its time', async () => {
    const state = watch(sleep(100));
    await jest.advanceTimersByTimeAsync(99);
    expect(state.isSettled).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(state.isSettled).toBe(true);
  });

  it('resolves when the signal aborts, before or after the call, and leaves no timer', async () => {
    const controller = new AbortController();
    const state = watch(sleep(100, controller.signal));
    controller.abort();
    await new Promise(setImmediate);
    expect(state.isSettled).toBe(true);
    await sleep(100, controller.signal);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('settledWithin', () => {
  it.each([
    ['succeeds', () => sleep(100)],
    ['fails', () => sleep(100).then(() => Promise.reject(new Error('no')))],
  ])('resolves as soon as work %s, and leaves no timer', async (_, work) => {
    const state = watch(settledWithin(work(), 1000));
    await jest.advanceTimersByTimeAsync(100);
    expect(state.isSettled).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('resolves after its time when work does not settle', async () => {
    const state = watch(settledWithin(new Promise(() => undefined), 1000));
    await jest.advanceTimersByTimeAsync(999);
    expect(state.isSettled).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(state.isSettled).toBe(true);
  });
});
