import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBridge } from '../../../packages/testbed/src/bridge.js';
import { startKafka, type KafkaCluster } from '../../../packages/testbed/src/kafka.js';
import { GeminiSender, SECRET } from '../../support/gemini-sender.js';
import { runCli } from '../../../src/cli/program.js';
import { topicNames } from '../../../src/events/event-topics.js';
import { untilLogged } from '../../support/until-logged.js';
import kafkajs from 'kafkajs';
import { client, countById, readTopics } from '../../support/topic-log.js';

describe('topics', () => {
  let kafka: KafkaCluster;

  beforeAll(async () => {
    kafka = await startKafka({ own: true });
  }, 120_000);

  afterAll(async () => {
    await kafka?.stop();
  }, 60_000);

  const env = () => ({
    KAFKA_BROKERS: kafka.brokers,
    WEBHOOK_SECRETS: SECRET,
    TOPIC_REPLICATION: '1',
    TOPIC_MIN_ISR: '1',
  });

  const cli = async (change: Record<string, string>, ...args: string[]) => {
    const printed: string[] = [];
    const print = (text: string): void => void printed.push(text);
    const more = { ...env(), API_AUTH: 'none', TOPIC_PREFIX: 'by-hand', ...change };
    const code = await runCli(args, { env: more, out: print, err: print });
    return { code, text: printed.join('') };
  };

  it('are checked and created from the command line', async () => {
    const missing = await cli({}, 'topics', 'check');
    expect(missing.code).toBe(1);
    expect(missing.text).toMatch(/missing topics: by-hand\.batch\.succeeded/);
    const made = await cli({}, 'topics', 'create');
    expect(made).toMatchObject({ code: 0 });
    for (const name of topicNames('by-hand')) {
      expect(made.text).toMatch(new RegExp(`${name} +6 partitions`));
    }
    const checked = await cli({}, 'topics', 'check', '--json');
    expect(checked.code).toBe(0);
    expect(JSON.parse(checked.text)).toMatchObject({ ok: true, troubles: [] });
  });

  it.each(['check', 'create'])(
    'with more replicas than brokers: topics %s names TOPIC_REPLICATION and the brokers',
    async (command) => {
      const defaults = {
        TOPIC_REPLICATION: '',
        TOPIC_MIN_ISR: '',
        TOPIC_PREFIX: 'three',
      };
      const { code, text } = await cli(defaults, 'topics', command);
      expect(code).toBe(1);
      expect(text).toContain('TOPIC_REPLICATION: got 3, but the cluster has 1 broker');
      expect(text).toContain('set TOPIC_REPLICATION=1 and TOPIC_MIN_ISR=1');
      expect(text).not.toContain('Topic creation errors');
    },
  );

  it('with more replicas than brokers: log and readiness name the cause', async () => {
    await using bridge = await startBridge({
      ...env(),
      TOPIC_REPLICATION: '',
      TOPIC_MIN_ISR: '',
      TOPIC_PREFIX: 'unready',
    });
    const reason = 'TOPIC_REPLICATION: got 3, but the cluster has 1 broker';
    await untilLogged(bridge, reason);
    const ready = await fetch(`${bridge.internalUrl}/health/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain(reason);
  }, 60_000);

  it('are created at the start as configured, and no others', async () => {
    await using bridge = await startBridge({
      ...env(),
      TOPIC_PREFIX: 'made',
      TOPIC_PARTITIONS: '4',
      TOPIC_RETENTION_HOURS: '100',
    });
    await bridge.ready();
    const admin = client(kafka.brokers).admin();
    await admin.connect();
    try {
      const names = (await admin.listTopics()).filter((name) => name.startsWith('made'));
      expect(names.toSorted()).toEqual(topicNames('made').toSorted());
      const { topics } = await admin.fetchTopicMetadata({ topics: names });
      expect(topics.map(({ partitions }) => partitions.length)).toEqual(
        names.map(() => 4),
      );
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [
          {
            type: kafkajs.ConfigResourceTypes.TOPIC,
            name: 'made.other',
            configNames: ['retention.ms', 'cleanup.policy', 'min.insync.replicas'],
          },
        ],
      });
      const values =
        resources[0]?.configEntries.map((e) => [e.configName, e.configValue]) ?? [];
      expect(Object.fromEntries(values)).toEqual({
        'retention.ms': '360000000',
        'cleanup.policy': 'delete',
        'min.insync.replicas': '1',
      });
    } finally {
      await admin.disconnect();
    }
  }, 60_000);

  it('are not created with TOPICS_MODE=check: the bridge is unready until they exist', async () => {
    await using checking = await startBridge({
      ...env(),
      TOPIC_PREFIX: 'checked',
      TOPICS_MODE: 'check',
    });
    await untilLogged(checking, 'missing topics');
    const ready = await fetch(`${checking.internalUrl}/health/ready`);
    expect(await ready.text()).toContain('TOPICS_MODE=create');
    expect(await new GeminiSender(() => checking.url).once('unmade')).toMatchObject({
      status: 503,
    });
    await using creating = await startBridge({ ...env(), TOPIC_PREFIX: 'checked' });
    await creating.ready();
    await checking.ready();
    await new GeminiSender(() => checking.url).untilAccepted('made');
  }, 60_000);

  it('keep the bridge unready if their min.insync.replicas is below TOPIC_MIN_ISR', async () => {
    await using first = await startBridge({ ...env(), TOPIC_PREFIX: 'weak' });
    await first.ready();
    await using second = await startBridge({
      ...env(),
      TOPIC_PREFIX: 'weak',
      TOPIC_REPLICATION: '2',
      TOPIC_MIN_ISR: '2',
    });
    await untilLogged(second, 'TOPIC_MIN_ISR');
    expect((await fetch(`${second.internalUrl}/health/ready`)).status).toBe(503);
  }, 60_000);

  it('can be deleted while the bridge runs, and created again with fewer partitions', async () => {
    await using bridge = await startBridge({ ...env(), TOPIC_PREFIX: 'deleted' });
    await bridge.ready();
    const sender = new GeminiSender(() => bridge.url);
    await sender.untilAccepted('deleted_before');
    const admin = client(kafka.brokers).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: ['deleted.batch.succeeded'] });
    await sender.untilAccepted('deleted_after');
    await admin.deleteTopics({ topics: ['deleted.batch.succeeded'] });
    await admin.createTopics({
      topics: [{ topic: 'deleted.batch.succeeded', numPartitions: 1 }],
    });
    const ids = Array.from({ length: 20 }, (_, i) => `fewer_${i}`);
    await Promise.all(ids.map((id) => sender.untilAccepted(id)));
    await admin.disconnect();
    expect(
      countById(await readTopics(kafka.brokers, 'deleted')).size,
    ).toBeGreaterThanOrEqual(20);
  }, 60_000);
});
