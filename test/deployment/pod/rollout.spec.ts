import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { GeminiEmulator } from '../../../packages/gemini-emulator/src/emulator.js';
import { image, type Image } from '../../../tools/image/image.js';
import { startKafka, type KafkaCluster } from '../../../packages/testbed/src/kafka.js';
import { Deployment } from '../../../tools/image/pod/deployment.js';
import { Pod } from '../../../tools/image/pod/pod.js';
import { podSpec, type Namespace, type PodSpec } from '../../../tools/image/pod/spec.js';
import { toStderr } from '../../../packages/testbed/src/process/log.js';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import { at, only, render, type Manifest } from '../chart/chart.js';
import { Balancer } from '../../support/balancer.js';
import { EventStream } from '../../support/event-stream.js';
import { temporarySecrets, type TemporarySecrets } from '../../support/secrets.js';
import { countById, readTopics } from '../../support/topic-log.js';
import { OTHER_SECRET, post, SECRET, signedV1 } from '../../support/sender.js';
import { describeSandboxed } from '../../support/sandboxed.js';
import { until } from '../../../packages/testbed/src/until.js';

const PER_SECOND = 200;
const REDIS_PASSWORD = 'of-the-redis-beside';
const CREDENTIALS = {
  webhookSecrets: { existingSecret: { name: 'gemini-bridge', key: 'webhook-secrets' } },
  capabilityKeys: { existingSecret: { name: 'gemini-bridge', key: 'capability-keys' } },
  apiTokens: { existingSecret: { name: 'gemini-bridge', key: 'api-tokens' } },
  redisPassword: { existingSecret: { name: 'redis', key: 'redis-password' } },
};

describeSandboxed("the chart's pods, beside a real Kafka and Redis", () => {
  let kafka: KafkaCluster;
  let redis: RedisServer;
  let gemini: GeminiEmulator;
  let secrets: TemporarySecrets;
  let tree: Image;
  let balancer: Balancer;
  let manifests: Manifest[];
  let namespace: Namespace;
  let deployment: Deployment;
  let hookSecret: string;

  beforeAll(async () => {
    tree = await image();
    kafka = await startKafka({ own: true });
    redis = await startRedis({ own: true });
    const admin = new Redis(redis.url);
    await admin.config('SET', 'requirepass', REDIS_PASSWORD);
    admin.disconnect();
    gemini = await GeminiEmulator.start({
      disableAfterFailures: 0,
      remembered: 100_000,
      concurrency: 200,
      retry: { firstDelaySeconds: 0.5, factor: 2, maxDelaySeconds: 4 },
    });
    secrets = temporarySecrets();
    balancer = await Balancer.start();
    manifests = await render({
      config: {
        publicUrl: balancer.url,
        kafka: { brokers: kafka.brokers.split(',') },
        topics: { replication: 1, minIsr: 1 },
        redis: { url: redis.url },
        signature: { jwksUrl: gemini.jwksUrl },
        gemini: { url: gemini.url },
      },
      credentials: CREDENTIALS,
    });
    const hook = gemini.webhooks.create({
      uri: `${balancer.url}/webhooks/gemini`,
      subscribed_events: ['batch.succeeded'],
    });
    hookSecret = String(hook['new_signing_secret']);
    namespace = {
      configMaps: Object.fromEntries(
        manifests
          .filter(({ kind }) => kind === 'ConfigMap')
          .map(({ metadata, data }) => [metadata.name, data as Record<string, string>]),
      ),
      secrets: {
        'gemini-bridge': {
          'webhook-secrets': `${hookSecret}\n${SECRET}\n`,
          'capability-keys': `k1:${secrets.capabilityKey}\n`,
          'api-tokens': `${secrets.token}\n`,
        },
        redis: { 'redis-password': REDIS_PASSWORD },
      },
    };
    deployment = new Deployment(specOf('Deployment'), namespace, tree, (pods) => {
      balancer.targets = pods.map((pod) => pod.url('public') ?? '');
    });
    await deployment.scale(Number(at(only(manifests, 'Deployment'), 'spec', 'replicas')));
  }, 240_000);

  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]();
    await balancer?.[Symbol.asyncDispose]();
    secrets?.[Symbol.dispose]();
    await gemini?.stop();
    await redis?.stop();
    await kafka?.stop();
  }, 60_000);

  function specOf(kind: 'Deployment' | 'Pod'): PodSpec {
    const manifest = only(manifests, kind);
    const path = kind === 'Pod' ? ['spec'] : ['spec', 'template', 'spec'];
    return podSpec.parse(at(manifest, ...path));
  }

  it('pass their probes with another user and a read-only root', () => {
    expect(deployment.current).toHaveLength(2);
    expect(deployment.current.map(({ isReady, deaths }) => [isReady, deaths])).toEqual([
      [true, 0],
      [true, 0],
    ]);
  });

  it('are replaced under load with answers of 200 and 503 only', async () => {
    const stream = new EventStream(gemini, PER_SECOND);
    await sleep(1000);
    const old = deployment.current;
    const ends = await deployment.restart();
    await sleep(1000);
    await stream.stop();
    await gemini.drained(60_000);

    expect(ends).toEqual(old.map(() => ({ code: 0, signal: null, isKilled: false })));
    expect(deployment.current.some((pod) => old.includes(pod))).toBe(false);
    const attempts = gemini.deliveries;
    const strange = attempts.filter(({ status }) => status !== 200 && status !== 503);
    expect(strange.map((attempt) => ({ ...attempt, headers: {}, body: '' }))).toEqual([]);
    const taken = attempts.filter(({ status }) => status === 200);
    const counts = countById(await readTopics(kafka.brokers));
    const ids = new Set(taken.map(({ webhookId }) => webhookId));
    expect(ids.size).toBe(stream.emitted);
    expect(
      Array.from(ids, (id) => counts.get(id)).filter((count) => count !== 1),
    ).toEqual([]);
    expect(deployment.started.map(({ deaths }) => deaths)).toEqual([0, 0, 0, 0]);
    toStderr(
      `rollout: ${stream.emitted} events, ${attempts.length} attempts, ${attempts.length - taken.length} answered 503`,
    );
  }, 180_000);

  it('use a rotated secret without a restart', async () => {
    const before = deployment.current.map(({ pid }) => pid);
    const statuses = (secret: string) =>
      Promise.all(
        deployment.current.map(async (pod) => {
          const url = `${pod.url('public')}/webhooks/gemini`;
          return (await post(url, signedV1({}, [secret]))).status;
        }),
      );
    expect(await statuses(OTHER_SECRET)).toEqual([401, 401]);
    namespace.secrets['gemini-bridge'] = {
      ...namespace.secrets['gemini-bridge'],
      'webhook-secrets': `${OTHER_SECRET}\n${hookSecret}\n`,
    };
    await deployment.updateSecrets();
    await until(
      'both pods to accept the new secret',
      async () => !(await statuses(OTHER_SECRET)).includes(401),
    );
    await until(
      'both pods to refuse the old secret',
      async () => !(await statuses(SECRET)).includes(200),
    );
    expect(deployment.current.map(({ pid }) => pid)).toEqual(before);
  }, 60_000);

  it('pass `helm test`', async () => {
    const spec = specOf('Pod');
    const [container] = spec.containers;
    // This machine has no DNS name for the Service, so the balancer's URL replaces it
    const command = container.command?.map((word) =>
      word.startsWith('http://') ? balancer.url : word,
    );
    const here = { ...spec, containers: [{ ...container, ...(command && { command }) }] };
    await using pod = await Pod.start(here as PodSpec, namespace, tree);
    expect([(await pod.exited).code, pod.lines]).toEqual([0, expect.anything()]);
  }, 60_000);

  it('print no secret', () => {
    const shown = deployment.started.flatMap(({ lines }) => lines).join('\n');
    for (const secret of [
      SECRET,
      OTHER_SECRET,
      hookSecret,
      secrets.token,
      REDIS_PASSWORD,
    ]) {
      expect(shown).not.toContain(secret.replace('whsec_', ''));
    }
  });
});
