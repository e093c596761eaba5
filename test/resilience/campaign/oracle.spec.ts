import { describe, expect, it } from '@jest/globals';
import { judge } from './oracle.js';
import { MadeUpRun } from './made-up-run.js';

/** Kind and ids of the violations. */
function found(run: MadeUpRun): [string, readonly string[]][] {
  return judge(run.toEvidence()).violations.map(({ kind, ids }) => [kind, ids]);
}

const FORGERY = { kind: 'forgery', status: 401, reason: 'signature-mismatch' } as const;
const REFUSED = { status: 503, reason: 'ack-budget-spent' } as const;

function soundRun(): MadeUpRun {
  return new MadeUpRun()
    .taken('a')
    .attempt('a', { kind: 'repeat', reason: 'duplicate', sentAt: 5000 })
    .known('b')
    .attempt('b', { ...REFUSED, tookMs: 2100 })
    .attempt('b', { kind: 'retry', sentAt: 4000, reason: 'duplicate' })
    .record('b')
    .attempt('forged_secret_1', FORGERY);
}

/** A run with two records of one event. */
const twice = (): MadeUpRun => new MadeUpRun().taken('x').record('x');

/** A run with an answer that came far too late. */
const slowRun = (): MadeUpRun => new MadeUpRun().taken('x', { tookMs: 9000 });

/** A run with events of one key, which were accepted one after another, at these offsets. */
function ordered(...places: { sequence: number; offset: number; partition?: number }[]) {
  const run = new MadeUpRun();
  for (const { sequence, offset, partition = 0 } of places) {
    const id = `o${sequence}`;
    run.known(id).attempt(id);
    run.journal.keys.set(id, 'batches/o');
    run.journal.order.set(id, { key: 'batches/o', sequence });
    run.record(id, { offset, partition });
  }
  return run;
}

describe('the oracle on a run without violations', () => {
  it('finds nothing', () => {
    const { violations, doubled } = judge(soundRun().toEvidence());
    expect(violations).toEqual([]);
    expect(doubled).toEqual([]);
  });

  it('counts', () => {
    expect(judge(soundRun().toEvidence()).counts).toEqual({
      events: 2,
      attempts: 5,
      retries: 1,
      twins: 0,
      repeats: 1,
      forgeries: 1,
      records: 2,
      doubled: 0,
      slowestMs: 2100,
      '200 published': 1,
      '200 duplicate': 2,
      '401 signature-mismatch': 1,
      '503 ack-budget-spent': 1,
    });
  });
});

describe('the oracle on events', () => {
  it.each(['published', 'duplicate'])(
    'finds an event that is lost after %s',
    (reason) => {
      expect(found(soundRun().known('x').attempt('x', { reason }))).toEqual([
        ['lost', ['x']],
      ]);
    },
  );

  it('does not accept a record of another scope', () => {
    const run = soundRun().known('x').attempt('x');
    expect(found(run.record('x', {}, { 'bridge-scope': 'jobs/1' }))).toEqual([
      ['lost', ['x']],
      ['changed', ['x']],
    ]);
  });

  it('requires no record of an event that was not answered 2xx', () => {
    const run = soundRun()
      .known('x')
      .attempt('x', REFUSED)
      .with({ notTaken: ['x'] });
    expect(found(run)).toEqual([['not-taken', ['x']]]);
  });

  it('finds an event that was never accepted, also if the sender does not report it', () => {
    expect(found(soundRun().known('x').attempt('x', REFUSED))).toEqual([
      ['not-taken', ['x']],
    ]);
  });

  it.each([
    { value: Buffer.from('body of X') },
    { topic: 'gemini.other' },
    { key: 'batches/y' },
  ])('finds a changed record: %j', (change) => {
    const run = soundRun().known('x').attempt('x').record('x', change);
    expect(found(run)).toEqual([['changed', ['x']]]);
  });

  it('finds a record of a forgery, and a record that was never sent', () => {
    const run = soundRun().record('forged_secret_1').record('stranger');
    expect(found(run)).toEqual([['forged', ['forged_secret_1', 'stranger']]]);
  });

  it('finds a forgery that was answered 2xx', () => {
    const run = soundRun().attempt('forged_body_2', { kind: 'forgery' });
    expect(found(run)).toEqual([['forged', ['forged_body_2']]]);
  });

  it('excuses a stale delivery if the clock is behind, and no other forgery', () => {
    const run = soundRun().fault('clock', 'replica-0', 0, Infinity);
    for (const id of ['forged_stale_1', 'forged_secret_2']) {
      run.attempt(id, { kind: 'forgery' }).record(id);
    }
    expect(found(run)).toEqual([
      ['forged', ['forged_secret_2']],
      ['forged', ['forged_secret_2']],
    ]);
  });
});

describe('the oracle on several records of an event', () => {
  it('finds them', () => {
    expect(found(twice())).toEqual([['doubled', ['x']]]);
    expect(judge(twice().toEvidence()).doubled).toEqual([{ id: 'x', copies: 2 }]);
  });

  it('accepts an excuse that overlaps an attempt', () => {
    const run = twice().with({
      store: 'redis',
      excuses: [{ name: 'killed', from: 1005, to: 1500 }],
    });
    expect(found(run)).toEqual([]);
    const { doubled, counts } = judge(run.toEvidence());
    expect(doubled).toEqual([{ id: 'x', copies: 2, excuse: 'killed' }]);
    expect(counts).toMatchObject({ doubled: 1, 'doubled: killed': 1 });
  });

  it.each([
    [0, 999],
    [1011, 9000],
  ])('does not accept an excuse from %i to %i, outside of the attempt', (from, to) => {
    const excuses = [{ name: 'killed', from, to }];
    expect(found(twice().with({ store: 'redis', excuses }))).toEqual([
      ['doubled', ['x']],
    ]);
  });

  it('counts an attempt as open until one of the same id was answered 2xx', () => {
    const run = new MadeUpRun()
      .known('x')
      .attempt('x', REFUSED)
      .attempt('x', { kind: 'retry', sentAt: 6000 })
      .record('x')
      .record('x');
    const between = [{ name: 'killed', from: 3000, to: 3100 }];
    expect(found(run.with({ store: 'redis', excuses: between }))).toEqual([]);
    const after = [{ name: 'killed', from: 7000, to: 7100 }];
    expect(found(run.with({ excuses: after }))).toEqual([['doubled', ['x']]]);
  });

  it('accepts an excuse that lost published ids for a repeat across it', () => {
    const repeated = twice().attempt('x', { kind: 'repeat', sentAt: 9000 });
    const restart = { name: 'restart', from: 5000, to: 6000 };
    const excused = {
      store: 'memory',
      excuses: [{ ...restart, forgets: true }],
    } as const;
    expect(found(repeated.with(excused))).toEqual([]);
    expect(found(repeated.with({ excuses: [restart] }))).toEqual([['doubled', ['x']]]);
    expect(found(twice().with(excused))).toEqual([['doubled', ['x']]]);
    const later = twice().attempt('x', { kind: 'repeat', sentAt: 9000 });
    const earlier = { ...restart, from: 100, to: 900, forgets: true };
    expect(found(later.with({ store: 'memory', excuses: [earlier] }))).toEqual([
      ['doubled', ['x']],
    ]);
  });

  it('accepts only a wrong clock with the store log', () => {
    const span = { from: 0, to: 9000 };
    const killed = { store: 'log', excuses: [{ name: 'killed', ...span }] } as const;
    expect(found(twice().with(killed))).toEqual([['doubled', ['x']]]);
    expect(found(twice().with({ excuses: [{ name: 'clock', ...span }] }))).toEqual([]);
  });
});

describe('the oracle on order', () => {
  it('finds events of a key in another order', () => {
    const sound = [1, 2, 3].map((sequence) => ({ sequence, offset: sequence * 10 }));
    expect(found(ordered(...sound))).toEqual([]);
    const run = ordered(
      { sequence: 1, offset: 10 },
      { sequence: 2, offset: 30 },
      { sequence: 3, offset: 20 },
    );
    expect(found(run)).toEqual([['order', ['o3']]]);
  });

  it('compares the first record of each event', () => {
    const run = ordered({ sequence: 1, offset: 10 }, { sequence: 2, offset: 20 });
    run.record('o1', { offset: 30 });
    expect(found(run)).toEqual([['doubled', ['o1']]]);
  });

  it('finds a key on several partitions', () => {
    const run = ordered(
      { sequence: 1, offset: 10 },
      { sequence: 2, offset: 20, partition: 1 },
    );
    expect(found(run)).toEqual([['order', ['o2']]]);
  });
});

describe('the oracle on answers', () => {
  it('finds answers after the ack budget and the slack', () => {
    expect(found(new MadeUpRun().taken('x', { tookMs: 2490 }))).toEqual([]);
    expect(found(new MadeUpRun().taken('x', { tookMs: 2510 }))).toEqual([
      ['slow', ['x']],
    ]);
  });

  it('finds connections that hang', () => {
    const run = soundRun().attempt('a', { tookMs: 15_000, status: 0, reason: 'timeout' });
    expect(found(run)).toEqual([['slow', ['a']]]);
  });

  it('does not judge the time of a stopped replica, but of one with a wrong clock', () => {
    expect(found(slowRun().fault('stop', 'replica-0', 2000, 8000))).toEqual([]);
    for (const run of [
      slowRun().fault('stop', 'replica-1', 2000, 8000),
      slowRun().fault('stop', 'broker-0', 2000, 8000),
      slowRun().fault('stop', 'replica-0', 0, 999),
      slowRun().fault('clock-skew', 'replica-0', 2000, 8000),
    ]) {
      expect(found(run)).toEqual([['slow', ['x']]]);
    }
  });

  it("subtracts the sender's own standstill", () => {
    const run = new MadeUpRun().taken('x', { tookMs: 2900 });
    run.fault('standstill', 'sender', 900, 1500);
    expect(found(run)).toEqual([]);
  });

  it.each([
    [200, 'accepted'],
    [202, 'published'],
    [500, 'internal'],
    [502, ''],
    [503, 'no-such-reason'],
    [401, 'header-missing'],
    [401, 'signature-mismatch'],
    [401, 'timestamp-stale'],
    [413, 'body-too-large'],
  ])('finds a genuine delivery that was answered %i %s', (status, reason) => {
    expect(found(soundRun().attempt('a', { status, reason }))).toEqual([
      ['status', ['a']],
    ]);
  });

  it('excuses a stale timestamp if the clock is wrong', () => {
    const run = soundRun().attempt('a', { status: 401, reason: 'timestamp-stale' });
    expect(found(run.fault('clock-skew', 'replica-0', 0, 9000))).toEqual([]);
    run.attempt('a', { replica: 1, status: 401, reason: 'timestamp-stale' });
    expect(found(run)).toEqual([['status', ['a']]]);
  });

  it('excuses an unknown key for 30 s after a rotation, on the job route', () => {
    const mismatch = { status: 401, reason: 'signature-mismatch', route: 'job' } as const;
    const rotated = soundRun().fault('jwks-rotated', 'jwks', 1000, 2000);
    rotated.attempt('a', { ...mismatch, sentAt: 31_000 });
    expect(found(rotated)).toEqual([]);
    rotated.attempt('b', { ...mismatch, sentAt: 999 });
    rotated.attempt('b', { ...mismatch, sentAt: 32_001 });
    rotated.attempt('b', { ...mismatch, sentAt: 31_000, route: 'static' });
    expect(found(rotated)).toEqual([['status', ['b', 'b', 'b']]]);
  });

  it('compares the answers to forgeries with the table, too', () => {
    const run = soundRun().attempt('forged_x', { ...FORGERY, status: 403 });
    expect(found(run)).toEqual([['status', ['forged_x']]]);
  });
});

describe('the oracle on memory and gauges', () => {
  it.each([
    { replica: 1, startMiB: 100, peakMiB: 200, endMiB: 191 },
    { replica: 1, startMiB: 100, peakMiB: 251, endMiB: 100 },
  ])('finds memory that grew: %j', (use) => {
    expect(found(soundRun().with({ memory: [use] }))).toEqual([['memory', []]]);
  });

  it.each([1, NaN])('finds a gauge that stays at %d', (value) => {
    const leftovers = [{ replica: 0, metric: 'gemini_bridge_publish_pending', value }];
    expect(found(soundRun().with({ leftovers }))).toEqual([['leftover', []]]);
  });
});
