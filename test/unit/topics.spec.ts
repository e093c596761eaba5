import { Logger } from '@nestjs/common';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Admin } from 'kafkajs';
import { Topics, TopicsError } from '../../src/kafka/topics.js';

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
    fetchTopicMetadata: () =>
      Promise.resolve({
        topics: [
          {
            name: 'gemini.other',
            partitions: [
              { partitionId: 2, leader: 1 },
              { partitionId: 0, leader: 3 },
              { partitionId: 1, leader: -1 },
            ],
          },
        ],
      }),
  };
  return { admin: admin as unknown as Admin, created };
}

const topicsOf = (admin: Admin, mode: 'create' | 'check' = 'create') =>
  new Topics(admin, NAMES, { ...CONFIG, mode });

describe('Topics', () => {
  it('creates what is missing, as durable as configured', async () => {
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

  it('creates nothing when all is there', async () => {
    const { admin, created } = clusterWith({ [NAMES[0]!]: '2', [NAMES[1]!]: '3' });
    await topicsOf(admin).ensure();
    expect(created).toEqual([]);
  });

  it('names what is missing where it only checks', async () => {
    const { admin, created } = clusterWith({ 'gemini.other': '2' });
    const check = topicsOf(admin, 'check').ensure();
    await expect(check).rejects.toThrow(TopicsError);
    await expect(check).rejects.toThrow(/gemini-bridge\.dead-letter.*TOPICS_MODE/);
    expect(created).toEqual([]);
  });

  it('does not write to a topic that acknowledges too early', async () => {
    const { admin } = clusterWith({ [NAMES[0]!]: '1', [NAMES[1]!]: '2' });
    const check = topicsOf(admin).ensure();
    await expect(check).rejects.toThrow(TopicsError);
    await expect(check).rejects.toThrow(/TOPIC_MIN_ISR=2 on: gemini\.other;/);
  });

  it('knows the leaders in the partitions’ order', async () => {
    const { admin } = clusterWith({});
    const leaders = [3, -1, 1];
    expect(await topicsOf(admin).describe()).toEqual({
      states: [
        { name: 'gemini.other', leaders },
        { name: 'gemini-bridge.dead-letter', leaders },
      ],
      troubles: [],
    });
  });
});
