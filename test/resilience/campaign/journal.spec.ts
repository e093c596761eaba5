import { describe, expect, it } from '@jest/globals';
import { MadeUpRun } from './made-up-run.js';

describe('the journal of a campaign', () => {
  it('lists the attempts of some ids in the order of time, with the faults around them', () => {
    const { journal } = new MadeUpRun()
      .fault('stop', 'replica-0', 1005, 2000)
      .fault('kill', 'broker-1', 90_000, 91_000)
      .fault('standstill', 'sender', 1000, 1200)
      .taken('a', { tookMs: 1500 })
      .taken('b');
    expect(journal.timeline(['a']).split('\n')).toEqual([
      '   0.000 s  a  replica-0  first (static)  sent',
      '   0.005 s  *** stop on replica-0 begins',
      '   1.000 s  *** stop on replica-0 ends',
      '   1.500 s  a  replica-0  first (static)  200 published after 1500 ms',
    ]);
  });

  it('keeps the first noted end of a fault', () => {
    const { journal } = new MadeUpRun();
    const end = journal.fault('kill', 'broker-1');
    const [span] = journal.faults;
    expect(span).toMatchObject({ name: 'kill', target: 'broker-1', to: Infinity });
    end();
    const endedAt = span?.to;
    expect(endedAt).toBeGreaterThanOrEqual(span?.from ?? Infinity);
    expect(endedAt).toBeLessThan(Infinity);
    end();
    expect(span?.to).toBe(endedAt);
  });
});
