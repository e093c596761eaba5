import { describe, expect, it } from '@jest/globals';
import { runJobs } from './job-run.js';

describe('jobs of all kinds through two replicas that are killed', () => {
  it('are submitted once, and each has one end with its correlation id', async () => {
    const verdict = await runJobs({
      seed: 7,
      jobs: 120,
      kill: true,
      silence: 'accept-then-drop',
    });
    expect(verdict.findings).toEqual([]);
    expect(verdict.reconciled).toBeGreaterThan(0);
    expect(verdict.duplicates).toBeGreaterThan(0);
  }, 300_000);
});
