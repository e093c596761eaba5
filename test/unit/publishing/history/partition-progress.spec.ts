import { describe, expect, it, jest } from '@jest/globals';
import { PartitionProgress } from '../../../../src/publishing/history/partition-progress.js';
import { FAKED_CLOCK } from '../../../support/clock.js';

const MAX_LAG_MS = 5000;
const SETTLE_MS = 1000;

const partition = () => new PartitionProgress('gemini.other', 0, MAX_LAG_MS, SETTLE_MS);

/** A partition that is trusted since `at`. */
function trusted(at = 10_000): PartitionProgress {
  const progress = partition();
  progress.recordRead(at - SETTLE_MS, at - SETTLE_MS);
  progress.recordRead(at, at);
  return progress;
}

describe('PartitionProgress', () => {
  it('is not current before a second question, settleMs after the first answer', () => {
    const progress = partition();
    expect(progress.lagMs(0)).toBe(Infinity);
    expect(progress.isCurrentSince(0, 0)).toBe(false);
    progress.recordRead(100, 120);
    expect(progress.isCurrentSince(130, 130)).toBe(false);
    progress.recordRead(1119, 1119);
    expect(progress.isCurrentSince(1130, 1130)).toBe(false);
    progress.recordRead(1120, 1125);
    expect(progress.isCurrentSince(1130, 1130)).toBe(true);
  });

  it('is current while the last question is at most maxLagMs ago', () => {
    const progress = trusted(10_000);
    expect(progress.isCurrentSince(15_000, 15_000)).toBe(true);
    expect(progress.isCurrentSince(15_001, 15_001)).toBe(false);
  });

  it('measures the lag from the question, not from the end of the reading', () => {
    const progress = trusted(10_000);
    progress.recordRead(12_000, 14_900);
    expect(progress.isCurrentSince(17_000, 17_000)).toBe(true);
    expect(progress.isCurrentSince(17_001, 17_001)).toBe(false);
  });

  it('has to settle again after a gap longer than maxLagMs', () => {
    const progress = trusted(10_000);
    progress.recordRead(15_500, 15_500); // a broker woke up and appends the requests that waited in its sockets
    expect(progress.isCurrentSince(15_600, 15_600)).toBe(false);
    progress.recordRead(16_499, 16_499);
    expect(progress.isCurrentSince(16_499, 16_499)).toBe(false);
    progress.recordRead(16_500, 16_500);
    expect(progress.isCurrentSince(16_500, 16_500)).toBe(true);
  });

  it('is not current for a claim from before the partition was trusted', () => {
    const progress = trusted(10_000);
    expect(progress.isCurrentSince(9999, 10_500)).toBe(false);
    expect(progress.isCurrentSince(10_000, 10_500)).toBe(true);
  });

  it('moves the position past own records that follow it', () => {
    const progress = partition();
    progress.recordAppended(0, 5); // the start is not known yet
    expect(progress.position).toBeUndefined();
    progress.beginAt(10);
    progress.recordAppended(10, 3);
    expect(progress.position).toBe(13);
    progress.recordAppended(14, 1); // another replica's record is in between
    progress.recordAppended(-1, 1); // Kafka did not say the offset
    expect(progress.position).toBe(13);
  });

  it('has to settle after every gap, also when one begins before the last one has settled', () => {
    const progress = partition();
    progress.recordRead(10, 10);
    progress.recordRead(100_000, 100_020);
    expect(progress.isCurrentSince(100_020, 100_020)).toBe(false);
    progress.recordRead(100_500, 106_000); // and once more
    expect(progress.isCurrentSince(106_000, 106_000)).toBe(false);
    progress.recordRead(107_000, 107_000);
    expect(progress.isCurrentSince(107_000, 107_000)).toBe(true);
  });

  it('settles also when each question takes longer than settleMs', () => {
    const progress = partition();
    for (let at = 0; at <= 20_000; at += 4000) progress.recordRead(at, at + 4000);
    expect(progress.lagMs(24_000)).toBe(4000);
    progress.recordRead(24_000, 24_500);
    expect(progress.isCurrentSince(24_500, 24_500)).toBe(true);
  });
});

/** A function that tells whether the promise has resolved. */
const stateOf = async (promise: Promise<unknown>) => {
  let settled = false;
  void promise.then(() => (settled = true));
  await new Promise(setImmediate);
  return () => settled;
};

describe('whenDrained', () => {
  it('resolves after a question that follows the first answer by settleMs', async () => {
    jest.useFakeTimers(FAKED_CLOCK);
    const progress = trusted(performance.now() - 1);
    const isSettled = await stateOf(progress.whenDrained());
    const asked = performance.now() + 900;
    jest.advanceTimersByTime(3000); // the broker hangs
    progress.recordRead(asked, performance.now());
    await new Promise(setImmediate);
    const answered = performance.now();
    progress.recordRead(answered + SETTLE_MS - 1, answered + SETTLE_MS);
    await new Promise(setImmediate);
    expect(isSettled()).toBe(false);
    progress.recordRead(answered + SETTLE_MS, answered + SETTLE_MS);
    await new Promise(setImmediate);
    expect(isSettled()).toBe(true);
    jest.useRealTimers();
  });

  it('resolves when the topic has no such partition any more', async () => {
    const progress = partition();
    const isSettled = await stateOf(progress.whenDrained());
    expect(isSettled()).toBe(false);
    progress.drop();
    await new Promise(setImmediate);
    expect(isSettled()).toBe(true);
  });
});
