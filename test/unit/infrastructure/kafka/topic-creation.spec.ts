import { Logger } from '@nestjs/common';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Admin } from 'kafkajs';
import {
  creationFault,
  replicationFault,
} from '../../../../src/infrastructure/kafka/topic-creation.js';
import { Topics, TopicsError } from '../../../../src/infrastructure/kafka/topics.js';

const CONFIG = {
  prefix: 'gemini',
  mode: 'create' as const,
  partitions: 6,
  replication: 3,
  minIsr: 2,
  retentionHours: 168,
};

beforeAll(() => Logger.overrideLogger(false));

const refusal = (type: string) =>
  Object.assign(new Error('Topic creation errors'), {
    errors: ['gemini.other', 'gemini.video.generated'].map((topic) => ({ type, topic })),
  });

const clusterOf = (brokers: number) =>
  ({
    describeCluster: () =>
      Promise.resolve({ brokers: Array.from({ length: brokers }, () => ({})) }),
  }) as unknown as Admin;

describe('creationFault', () => {
  it.each([
    [1, 'has 1 broker; want at most 1', 'TOPIC_REPLICATION=1 and TOPIC_MIN_ISR=1'],
    [2, 'has 2 brokers; want at most 2', 'TOPIC_REPLICATION=2 and TOPIC_MIN_ISR=2'],
  ])('names the replication of a cluster of %i', async (brokers, has, remedy) => {
    const error = refusal('INVALID_REPLICATION_FACTOR');
    const fault = await creationFault(error, clusterOf(brokers), CONFIG);
    expect(fault).toMatch(/^TOPIC_REPLICATION: got 3, but the cluster /);
    expect(fault).toContain(has);
    expect(fault).toContain(remedy);
  });

  it.each([
    ['TOPIC_AUTHORIZATION_FAILED', /may not create gemini\.other.*grant CREATE/],
    ['POLICY_VIOLATION', /policy.*TOPIC_PARTITIONS=6, TOPIC_REPLICATION=3/],
    ['INVALID_CONFIG', /refuses to create gemini\.other.*\(INVALID_CONFIG\)/],
  ])('has a remedy for %s', async (type, message) => {
    const fault = await creationFault(refusal(type), clusterOf(3), CONFIG);
    expect(fault).toMatch(message);
    expect(fault).toContain('Remedy: ');
    expect(fault).not.toContain('Topic creation errors');
  });

  it('does not call a timeout a refusal', async () => {
    const fault = await creationFault(refusal('REQUEST_TIMED_OUT'), clusterOf(3), CONFIG);
    expect(fault).toMatch(
      /^Kafka did not create gemini\.other.* within 3 s\..*try again$/,
    );
  });

  it('repeats what says why itself', async () => {
    const fault = await creationFault(
      new Error('Request timed out'),
      clusterOf(3),
      CONFIG,
    );
    expect(fault).toBe('Request timed out');
  });

  it('is what the topics report', async () => {
    const admin = {
      ...clusterOf(1),
      listTopics: () => Promise.resolve([]),
      createTopics: () => Promise.reject(refusal('INVALID_REPLICATION_FACTOR')),
    } as unknown as Admin;
    const ensured = new Topics(admin, ['gemini.other'], CONFIG).ensure();
    await expect(ensured).rejects.toThrow(TopicsError);
    await expect(ensured).rejects.toThrow(/^TOPIC_REPLICATION: got 3/);
  });
});

describe('replicationFault', () => {
  it('is none with enough brokers', () => {
    expect(replicationFault(CONFIG, 3)).toBeUndefined();
    expect(replicationFault({ ...CONFIG, replication: 1 }, 1)).toBeUndefined();
  });
});
