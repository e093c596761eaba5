import { describe, expect, it } from '@jest/globals';
import {
  mayRetry,
  recordTry,
  recordHealthy,
} from '../../../../src/webhooks/reconciliation/retry-policy.js';

const HOUR_MS = 3_600_000;
const POLICY = { max: 5, firstMs: 300_000, capMs: 6 * HOUR_MS };

describe('a retry policy', () => {
  it('allows the first try at once, further ones after doubled pauses, and no more than its maximum', () => {
    let done: ReturnType<typeof recordTry> | undefined;
    const tries: number[] = [];
    for (let now = 0; now < 100 * HOUR_MS; now += 60_000) {
      if (!mayRetry(done, POLICY, now)) continue;
      tries.push(now / 60_000);
      done = recordTry(done, now);
    }
    expect(tries).toEqual([0, 10, 30, 70, 150]);
    expect(mayRetry(undefined, { ...POLICY, max: 0 }, 0)).toBe(false);
  });

  it('forgets the tries after a healthy day', () => {
    const done = recordTry(undefined, 0);
    const healthy = recordHealthy(done, HOUR_MS);
    expect(healthy).toEqual({ ...done, wellSince: HOUR_MS });
    expect(recordHealthy(healthy!, 24 * HOUR_MS)).toEqual(healthy);
    expect(recordHealthy(healthy!, 26 * HOUR_MS)).toBeUndefined();
    // Another try ends the healthy period
    expect(recordTry(healthy, 2 * HOUR_MS)).toEqual({ count: 2, at: 2 * HOUR_MS });
  });
});
