import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ensured } from '../../../src/cli/topics-command.js';
import { TopicsError } from '../../../src/infrastructure/kafka/topics.js';
import { FAKED_CLOCK } from '../../support/clock.js';

const LIMIT_MS = 30_000;
const WELL = { states: [{ name: 'gemini.other', leaders: [1] }], troubles: [] };
const LEADERLESS = { states: [{ name: 'gemini.other', leaders: [-1] }], troubles: [] };

const ofKafka = (type: string): Error => Object.assign(new Error(type), { type });
const wrapped = (type: string): Error =>
  new TopicsError('topics', {
    cause: Object.assign(new Error('all'), { errors: [ofKafka(type)] }),
  });

/** Topics that answer with each outcome in turn. */
function topicsThat(...outcomes: (Error | typeof WELL)[]) {
  return {
    left: outcomes,
    ensure: () => {
      const [next] = outcomes;
      if (!(next instanceof Error)) return Promise.resolve();
      outcomes.shift();
      return Promise.reject(next);
    },
    describe: () => Promise.resolve(outcomes.shift() as typeof WELL),
  };
}

beforeEach(() => void jest.useFakeTimers(FAKED_CLOCK));

afterEach(() => void jest.useRealTimers());

describe('ensured()', () => {
  it.each([
    ['the creation has timed out', wrapped('REQUEST_TIMED_OUT')],
    ['the brokers do not know a new topic yet', ofKafka('UNKNOWN_TOPIC_OR_PARTITION')],
    ['a partition has no leader yet', LEADERLESS],
  ])('tries again when %s', async (_, outcome) => {
    const topics = topicsThat(outcome, WELL);
    const description = ensured(topics, LIMIT_MS);
    await jest.advanceTimersByTimeAsync(1000);
    expect(await description).toBe(WELL);
    expect(topics.left).toEqual([]);
  });

  it('does not try a refusal again', async () => {
    const refused = wrapped('POLICY_VIOLATION');
    await expect(ensured(topicsThat(refused, WELL), LIMIT_MS)).rejects.toBe(refused);
  });

  it('tries once without a limit', async () => {
    expect(await ensured(topicsThat(LEADERLESS, WELL), 0)).toBe(LEADERLESS);
    const late = wrapped('REQUEST_TIMED_OUT');
    await expect(ensured(topicsThat(late, WELL), 0)).rejects.toBe(late);
  });
});
