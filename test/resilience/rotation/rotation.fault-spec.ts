import { describe, expect, it } from '@jest/globals';
import { runRotations } from './rotation-run.js';

describe('secrets that are rotated while replicas are killed', () => {
  it('verify every delivery with a live secret, lose none, and accept none with a revoked secret', async () => {
    const verdict = await runRotations({
      seed: 3,
      rotations: 4,
      kills: 1,
      perSecond: 40,
    });
    expect(verdict.findings).toEqual([]);
    expect(verdict.kills).toBe(1);
    expect(verdict.immediate).toBe(2);
  }, 240_000);
});
