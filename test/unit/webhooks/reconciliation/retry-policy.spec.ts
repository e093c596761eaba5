import { describe, expect, it } from '@jest/globals';
import {
  mayRetry,
  recordTry,
  recordHealthy,
} from '../../../../src/webhooks/reconciliation/retry-policy.js';

const HOUR_MS = 3_600_000;
const PATIENCE = { max: 5, firstMs: 300_000, capMs: 6 * HOUR_MS };

describe('patience', () => {
  it('tries at once, then ever more rarely, and then no more', () => {
    let done: ReturnType<typeof recordTry> | undefined;
    const tries: number[] = [];
    for (let now = 0; now < 100 * HOUR_MS; now += 60_000) {
      if (!mayRetry(done, PATIENCE, now)) continue;
      tries.push(now / 60_000);
      done = recordTry(done, now);
    }
    expect(tries).toEqual([0, 10, 30, 70, 150]);
    expect(mayRetry(undefined, { ...PATIENCE, max: 0 }, 0)).toBe(false);
  });

  it('begins anew only after it was well for a day', () => {
    const done = recordTry(undefined, 0);
    const well = recordHealthy(done, HOUR_MS);
    expect(well).toEqual({ ...done, wellSince: HOUR_MS });
    expect(recordHealthy(well!, 24 * HOUR_MS)).toEqual(well);
    expect(recordHealthy(well!, 26 * HOUR_MS)).toBeUndefined();
    // Ill again meanwhile
    expect(recordTry(well, 2 * HOUR_MS)).toEqual({ count: 2, at: 2 * HOUR_MS });
  });
});
