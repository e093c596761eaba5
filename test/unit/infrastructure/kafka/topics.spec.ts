import { Logger } from '@nestjs/common';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Admin } from 'kafkajs';
import {
  RetentionError,
  Topics,
  TopicsError,
} from '../../../../src/infrastructure/kafka/topics.js';

const NAMES = ['gemini.other', 'gemini-bridge.dead-letter'];
const CONFIG = {
  prefix: 'gemini',
  mode: 'create' as 'create' | 'check',
  partitions: 6,
  replication: 3,
  minIsr: 2,
  retentionHours: 168,
};

beforeAll(() => Logger.overrideLogger(false));

/** A cluster with these topics, each with that `min.insync.replicas`. */
function clusterWith(minIsrByTopic: Record<string, string>) {
  const created: object[] = [];
  const asked: string[][] = [];
  const admin = {
    listTopics: () => Promise.resolve(Object.keys(minIsrByTopic)),
    createTopics: (request: { topics: { topic: string }[] }) => {
      created.push(request);
      for (const { topic } of request.topics) minIsrByTopic[topic] = '2';
      return Promise.resolve(true);
    },
    describeConfigs: ({ resources }: { resources: { name: string }[] }) =>
      Promise.resolve({
        resources: resources.map(({ name }) => ({
          resourceName: name,
          configEntries: [
            { configName: 'min.insync.replicas', configValue: minIsrByTopic[name] },
          ],
        })),
      }),
    fetchTopicMetadata({ topics }: { topics: string[] }) {
      asked.push(topics);
      if (topics.some((name) => minIsrByTopic[name] === 'leaderless')) {
        return Promise.reject(new Error('no leader'));
      }
      const partitions = [
        { partitionId: 2, leader: 1 },
        { partitionId: 0, leader: 3 },
        { partitionId: 1, leader: -1 },
      ];
      return Promise.resolve({ topics: topics.map((name) => ({ name, partitions })) });
    },
  };
  return { admin: admin as unknown as Admin, created, asked };
}

const topicsOf = (admin: Admin, mode: 'create' | 'check' = 'create') =>
  new Topics(admin, NAMES, { ...CONFIG, mode });

/** The settings of a topic that fits `DEDUPE_STORE=log`, except for these. */
const settings = (values: Record<string, string>) => ({
  'min.insync.replicas': '2',
  'retention.ms': '259200000',
  'retention.bytes': '-1',
  'cleanup.policy': 'delete',
  'compression.type': 'producer',
  ...values,
});

/** Checks topics of which the second has these settings. */
const checkRetention = (values: Record<string, string>) => {
  const admin = {
    listTopics: () => Promise.resolve(NAMES),
    describeConfigs: ({ resources }: { resources: { name: string }[] }) =>
      Promise.resolve({
        resources: resources.map(({ name }) => ({
          resourceName: name,
          configEntries: Object.entries(settings(name === NAMES[1] ? values : {})).map(
            ([configName, configValue]) => ({ configName, configValue }),
          ),
        })),
      }),
  };
  return new Topics(admin as unknown as Admin, NAMES, CONFIG, 259_200_000).ensure();
};

describe('Topics', () => {
  it('creates missing topics, as durable as configured', async () => {
    const { admin, created } = clusterWith({ 'gemini.other': '2' });
    await topicsOf(admin).ensure();
    expect(created).toMatchObject([
      {
        topics: [
          {
            topic: 'gemini-bridge.dead-letter',
            numPartitions: 6,
            replicationFactor: 3,
            configEntries: [
              { name: 'min.insync.replicas', value: '2' },
              { name: 'retention.ms', value: '604800000' },
              { name: 'cleanup.policy', value: 'delete' },
            ],
          },
        ],
      },
    ]);
  });

  it('creates nothing when all topics exist', async () => {
    const { admin, created } = clusterWith({ [NAMES[0]!]: '2', [NAMES[1]!]: '3' });
    await topicsOf(admin).ensure();
    expect(created).toEqual([]);
  });

  it('names missing topics with TOPICS_MODE=check', async () => {
    const { admin, created } = clusterWith({ 'gemini.other': '2' });
    const check = topicsOf(admin, 'check').ensure();
    await expect(check).rejects.toThrow(TopicsError);
    await expect(check).rejects.toThrow(/gemini-bridge\.dead-letter.*TOPICS_MODE/);
    expect(created).toEqual([]);
  });

  it('refuses a topic with fewer in-sync replicas than configured', async () => {
    const { admin } = clusterWith({ [NAMES[0]!]: '1', [NAMES[1]!]: '2' });
    const check = topicsOf(admin).ensure();
    await expect(check).rejects.toThrow(TopicsError);
    await expect(check).rejects.toThrow(/TOPIC_MIN_ISR=2 on: gemini\.other;/);
  });

  it('finds the leaders in the order of the partitions, with one request', async () => {
    const { admin, asked } = clusterWith({});
    const leaders = [3, -1, 1];
    expect(await topicsOf(admin).describe()).toEqual({
      states: NAMES.map((name) => ({ name, leaders })),
      troubles: [],
    });
    expect(asked).toEqual([NAMES]);
  });

  it('finds the leaders of the other topics when one is in trouble', async () => {
    const { admin } = clusterWith({ [NAMES[0]!]: 'leaderless' });
    const { states, troubles } = await topicsOf(admin).describe();
    expect(states.map(({ name }) => name)).toEqual([NAMES[1]]);
    expect(troubles).toEqual(['gemini.other: Error: no leader']);
  });

  it('fails when no topic can be described', async () => {
    const { admin } = clusterWith({
      [NAMES[0]!]: 'leaderless',
      [NAMES[1]!]: 'leaderless',
    });
    await expect(topicsOf(admin).describe()).rejects.toThrow('no leader');
  });

  describe('with DEDUPE_STORE=log and three days', () => {
    it.each([{}, { 'retention.ms': '-1' }, { 'compression.type': 'gzip' }])(
      'accepts a topic with %j',
      async (values) => {
        await expect(checkRetention(values)).resolves.toBeUndefined();
      },
    );

    it.each([
      [
        { 'retention.ms': '259199999' },
        /retention\.ms of gemini-bridge.*DEDUPE_TTL_HOURS=72/,
      ],
      [{ 'retention.bytes': '1000000' }, /retention\.bytes of gemini-bridge/],
      [{ 'cleanup.policy': 'compact,delete' }, /cleanup\.policy of gemini-bridge/],
      [{ 'compression.type': 'zstd' }, /compression\.type of gemini-bridge/],
    ])('refuses a topic with %j', async (values, message) => {
      const checked = checkRetention(values);
      await expect(checked).rejects.toThrow(RetentionError);
      await expect(checked).rejects.toThrow(message);
    });
  });
});
