import { describe, expect, it, jest } from '@jest/globals';
import { PartitionProgress } from '../../../../src/publishing/history/partition-progress.js';
import { FAKED_CLOCK } from '../../../support/clock.js';

const MAX_LAG_MS = 5000;
const SETTLE_MS = 1000;

const partition = () => new PartitionProgress('gemini.other', 0, MAX_LAG_MS, SETTLE_MS);

/** One that can be relied on since `at`. */
function trusted(at = 10_000): PartitionProgress {
  const tail = partition();
  tail.known(at - SETTLE_MS, at - SETTLE_MS);
  tail.known(at, at);
  return tail;
}

describe('a partition that is followed', () => {
  it('is not vouched for before it was asked a second time, a moment after the first', () => {
    const tail = partition();
    expect(tail.lagMs(0)).toBe(Infinity);
    expect(tail.isCurrentSince(0, 0)).toBe(false);
    tail.known(100, 120);
    expect(tail.isCurrentSince(130, 130)).toBe(false);
    tail.known(1119, 1119);
    expect(tail.isCurrentSince(1130, 1130)).toBe(false);
    tail.known(1120, 1125);
    expect(tail.isCurrentSince(1130, 1130)).toBe(true);
  });

  it('is vouched for as long as it is known as of less than the lag', () => {
    const tail = trusted(10_000);
    expect(tail.isCurrentSince(15_000, 15_000)).toBe(true);
    expect(tail.isCurrentSince(15_001, 15_001)).toBe(false);
  });

  it('counts from when it was asked, not from when it was read', () => {
    const tail = trusted(10_000);
    tail.known(12_000, 14_900);
    expect(tail.isCurrentSince(17_000, 17_000)).toBe(true);
    expect(tail.isCurrentSince(17_001, 17_001)).toBe(false);
  });

  it('has to settle again after it could not be asked for longer than the lag', () => {
    const tail = trusted(10_000);
    tail.known(15_500, 15_500); // a broker woke up: what waits in its sockets comes now
    expect(tail.isCurrentSince(15_600, 15_600)).toBe(false);
    tail.known(16_499, 16_499);
    expect(tail.isCurrentSince(16_499, 16_499)).toBe(false);
    tail.known(16_500, 16_500);
    expect(tail.isCurrentSince(16_500, 16_500)).toBe(true);
  });

  it('is not vouched for to somebody who asked before it could be relied on', () => {
    const tail = trusted(10_000);
    expect(tail.isCurrentSince(9999, 10_500)).toBe(false);
    expect(tail.isCurrentSince(10_000, 10_500)).toBe(true);
  });

  it('needs no reading of what we wrote, where that follows what is known', () => {
    const tail = partition();
    tail.recordAppended(0, 5); // where reading begins is not known yet
    expect(tail.position).toBeUndefined();
    tail.startAt(10);
    tail.recordAppended(10, 3);
    expect(tail.position).toBe(13);
    tail.recordAppended(14, 1); // somebody else's is in between
    tail.recordAppended(-1, 1); // Kafka did not say where
    expect(tail.position).toBe(13);
  });

  it('has to settle after every gap, also one that began before the last was over', () => {
    const tail = partition();
    tail.known(10, 10);
    tail.known(100_000, 100_020);
    expect(tail.isCurrentSince(100_020, 100_020)).toBe(false);
    tail.known(100_500, 106_000); // and once more
    expect(tail.isCurrentSince(106_000, 106_000)).toBe(false);
    tail.known(107_000, 107_000);
    expect(tail.isCurrentSince(107_000, 107_000)).toBe(true);
  });

  it('settles within its time however long a question takes', () => {
    const tail = partition();
    for (let at = 0; at <= 20_000; at += 4000) tail.known(at, at + 4000);
    expect(tail.lagMs(24_000)).toBe(4000);
    tail.known(24_000, 24_500);
    expect(tail.isCurrentSince(24_500, 24_500)).toBe(true);
  });
});

/** Whether it has ended, whenever that is asked. */
const stateOf = async (promise: Promise<unknown>) => {
  let settled = false;
  void promise.then(() => (settled = true));
  await new Promise(setImmediate);
  return () => settled;
};

describe('waiting for what is on its way to a partition', () => {
  it('ends a moment after the broker has answered, not after the question', async () => {
    jest.useFakeTimers(FAKED_CLOCK);
    const tail = trusted(performance.now() - 1);
    const isSettled = await stateOf(tail.whenDrained());
    const asked = performance.now() + 900;
    jest.advanceTimersByTime(3000); // the question waits in a broker that hangs
    tail.known(asked, performance.now());
    await new Promise(setImmediate);
    const answered = performance.now();
    tail.known(answered + SETTLE_MS - 1, answered + SETTLE_MS);
    await new Promise(setImmediate);
    expect(isSettled()).toBe(false);
    tail.known(answered + SETTLE_MS, answered + SETTLE_MS);
    await new Promise(setImmediate);
    expect(isSettled()).toBe(true);
    jest.useRealTimers();
  });

  it('ends when the partition is no more', async () => {
    const tail = partition();
    const isSettled = await stateOf(tail.whenDrained());
    expect(isSettled()).toBe(false);
    tail.drop();
    await new Promise(setImmediate);
    expect(isSettled()).toBe(true);
  });
});
