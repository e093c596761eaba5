import { describe, expect, it } from '@jest/globals';
import { topicNames } from '../../../src/events/event-topics.js';
import { at, merged, only, podSpecs, render, type Manifest } from './chart.js';
import { example } from './examples.js';
import { manifestFaults } from './manifest-check.js';

const minimal = example('minimal');
const VAULT = { existingSecret: { name: 'gemini-bridge' } };
const REDIS = { config: { redis: { url: 'redis://redis:6379' } } };
const COMPONENT = 'app.kubernetes.io/component';
const renderOver = (values: object, base: object = minimal) =>
  render(merged(base, values) as object);
const deploymentOf = async (values: object) =>
  only(await renderOver(values), 'Deployment');

const egressPorts = async (config: object) => {
  const policy = policyOf(
    'bridge',
    await renderOver({ config, networkPolicy: { enabled: true } }),
  );
  return portsOf(policy);
};

function policyOf(component: string, manifests: readonly Manifest[]): Manifest {
  const ofPods = manifests.filter(
    (manifest) =>
      at(manifest, 'spec', 'podSelector', 'matchLabels', COMPONENT) === component,
  );
  return only(ofPods, 'NetworkPolicy');
}

function portsOf(policy: Manifest): number[][] {
  const rules = at(policy, 'spec', 'egress') as { ports: { port: number }[] }[];
  return rules.map((rule) => rule.ports.map(({ port }) => port));
}

const alertsOf = async (prometheusRule: object) => {
  const rule = only(
    await renderOver({ prometheusRule: { enabled: true, ...prometheusRule } }),
    'PrometheusRule',
  );
  const groups = at(rule, 'spec', 'groups') as { rules: Record<string, unknown>[] }[];
  return groups.flatMap((group) => group.rules);
};

describe('the replicas', () => {
  it.each<[string, object, unknown, string]>([
    ['one without Redis', {}, 1, 'Recreate'],
    ['two with Redis', REDIS, 2, 'RollingUpdate'],
    ['none on request', { replicaCount: 0 }, 0, 'Recreate'],
    [
      'one with the ids in the memory of a process',
      { config: { ...REDIS.config, dedupe: { store: 'memory' } } },
      1,
      'Recreate',
    ],
    ['as many as requested', { ...REDIS, replicaCount: 5 }, 5, 'RollingUpdate'],
    [
      'left to the autoscaler',
      { ...REDIS, autoscaling: { enabled: true } },
      undefined,
      'RollingUpdate',
    ],
  ])('are %s', async (_, values, replicas, strategy) => {
    const made = await deploymentOf(values);
    expect(at(made, 'spec', 'replicas')).toBe(replicas);
    expect(at(made, 'spec', 'strategy', 'type')).toBe(strategy);
  });

  it('are updated without a gap', async () => {
    const made = await deploymentOf(REDIS);
    expect(at(made, 'spec', 'strategy', 'rollingUpdate', 'maxUnavailable')).toBe(0);
  });

  it.each<[boolean, object]>([
    [false, {}],
    [true, REDIS],
    [false, { ...REDIS, replicaCount: 1 }],
  ])('have a disruption budget: %s', async (isMade, values) => {
    const kinds = (await renderOver(values)).map(({ kind }) => kind);
    expect(kinds.includes('PodDisruptionBudget')).toBe(isMade);
  });
});

describe('the grace period', () => {
  it.each([
    [20_000, 5, 30],
    [20_001, 5, 31],
    [600_000, 0, 605],
  ])(
    'covers %d ms of shutdown and %d s of sleep: %d s',
    async (shutdownTimeoutMs, preStopSleepSeconds, grace) => {
      const made = await deploymentOf({
        config: { shutdownTimeoutMs },
        preStopSleepSeconds,
      });
      const pod = at(made, 'spec', 'template', 'spec');
      expect(at(pod, 'terminationGracePeriodSeconds')).toBe(grace);
      const sleep = at(pod, 'containers', 0, 'lifecycle', 'preStop', 'sleep', 'seconds');
      expect(sleep ?? 0).toBe(preStopSleepSeconds);
    },
  );
});

describe('the probes', () => {
  it('ask for liveness and readiness on the internal port', async () => {
    const container = at(
      await deploymentOf({}),
      'spec',
      'template',
      'spec',
      'containers',
      0,
    );
    const asked = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) =>
      at(container, probe, 'httpGet'),
    );
    const live = { path: '/health/live', port: 'internal' };
    expect(asked).toEqual([live, live, { path: '/health/ready', port: 'internal' }]);
  });
});

describe('the Ingress and the HTTPRoute', () => {
  const ways = {
    ingress: { enabled: true, annotations: { a: 'b' } },
    httpRoute: { enabled: true, parentRefs: [{ name: 'g' }] },
  };

  it.each([
    ['https://hooks.example.com', '/webhooks/gemini'],
    ['https://hooks.example.com/', '/webhooks/gemini'],
    ['https://hooks.example.com:8443/a/b/', '/a/b/webhooks/gemini'],
  ])('of %s route %s', async (publicUrl, path) => {
    const manifests = await renderOver({ ...ways, config: { publicUrl } });
    const rule = at(only(manifests, 'Ingress'), 'spec', 'rules', 0);
    expect(at(rule, 'host')).toBe('hooks.example.com');
    expect(at(rule, 'http', 'paths', 0, 'path')).toBe(path);
    const route = at(only(manifests, 'HTTPRoute'), 'spec');
    expect(at(route, 'hostnames')).toEqual(['hooks.example.com']);
    expect(at(route, 'rules', 0, 'matches', 0, 'path', 'value')).toBe(path);
    const rewritten = at(
      route,
      'rules',
      0,
      'filters',
      0,
      'urlRewrite',
      'path',
      'replacePrefixMatch',
    );
    expect(rewritten).toBe(path === '/webhooks/gemini' ? undefined : '/webhooks/gemini');
  });
});

describe('the network policy', () => {
  const ALWAYS = [[53, 53], [443]];

  it.each<[string, object, number[][]]>([
    ['Kafka only', {}, [...ALWAYS, [9092]]],
    [
      'several brokers',
      { kafka: { brokers: ['a:1', 'b:2', 'c:1'] } },
      [...ALWAYS, [1, 2]],
    ],
    ['Redis', { redis: { url: 'redis://u@r:7000/0' } }, [...ALWAYS, [9092], [7000]]],
    [
      'Redis at its default port',
      { redis: { url: 'rediss://r' } },
      [...ALWAYS, [9092], [6379]],
    ],
    [
      'Sentinels',
      { redis: { url: 'redis+sentinel://a:26379,b:26379/m' } },
      [...ALWAYS, [9092], [26379, 6379]],
    ],
    [
      'a proxy of Gemini',
      { gemini: { url: 'http://gemini:8000/x' } },
      [[53, 53], [443, 8000], [9092]],
    ],
    [
      'traces',
      { tracing: { endpoint: 'http://otel:4318' } },
      [...ALWAYS, [9092], [4318]],
    ],
    [
      'the API server as the issuer',
      {
        access: {
          open: false,
          oidc: { issuer: 'https://kubernetes.default.svc.cluster.local', audience: 'a' },
        },
      },
      [[443, 6443], ...ALWAYS, [9092]],
    ],
    [
      'an issuer with a similar name',
      {
        access: {
          open: false,
          oidc: { issuer: 'https://kubernetes.default.example.com', audience: 'a' },
        },
      },
      [...ALWAYS, [9092]],
    ],
  ])('admits the egress to %s', async (_, config, expected) => {
    expect(await egressPorts(config)).toEqual(expected);
  });

  it('admits the named peers and the pod of helm test', async () => {
    const policy = policyOf('bridge', await render(example('production')));
    const [toPublic, toInternal] = at(policy, 'spec', 'ingress') as object[];
    expect(at(toPublic, 'ports')).toEqual([{ port: 'public', protocol: 'TCP' }]);
    expect(at(toPublic, 'from')).toHaveLength(2);
    expect(at(toInternal, 'ports')).toEqual([{ port: 'internal', protocol: 'TCP' }]);
    expect(at(toInternal, 'from')).toHaveLength(2);
  });

  it.each<[string, object, number[][]]>([
    ['no vault', {}, [[8080], [53, 53]]],
    [
      'the vault in Redis',
      { ...REDIS, credentials: { vaultKeys: VAULT } },
      [[8080], [53, 53], [6379]],
    ],
    [
      'the vault in a Secret',
      {
        config: { vault: { kubernetesSecret: 'v' } },
        credentials: { vaultKeys: VAULT },
      },
      [[8080], [443, 6443], [53, 53]],
    ],
  ])(
    'of the pod of helm test admits the egress to the bridge and to the needed systems with %s',
    async (_, values, expected) => {
      const manifests = await renderOver({ ...values, networkPolicy: { enabled: true } });
      const policy = policyOf('test', manifests);
      expect(portsOf(policy)).toEqual(expected);
      const labels = at(policy, 'spec', 'podSelector', 'matchLabels') as object;
      expect(only(manifests, 'Pod').metadata.labels).toMatchObject(labels);
      expect(
        at(policy, 'spec', 'egress', 0, 'to', 0, 'podSelector', 'matchLabels'),
      ).toEqual(at(only(manifests, 'Deployment'), 'spec', 'selector', 'matchLabels'));
      expect(at(policy, 'spec', 'ingress')).toBeUndefined();
      expect(at(policy, 'spec', 'policyTypes')).toContain('Ingress');
    },
  );
});

describe('the resources for Strimzi', () => {
  const prefixed = { config: { topics: { prefix: 'Acme_events' } } };

  it("are the bridge's topics with its settings", async () => {
    const topics = (await renderOver(prefixed, example('strimzi'))).filter(
      ({ kind }) => kind === 'KafkaTopic',
    );
    expect(topics.map((topic) => at(topic, 'spec', 'topicName'))).toEqual(
      topicNames('Acme_events'),
    );
    for (const topic of topics) {
      expect(topic.metadata.annotations).toEqual({
        'helm.sh/resource-policy': 'keep',
        'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
      });
      expect(at(topic, 'spec', 'config')).toEqual({
        'min.insync.replicas': 2,
        'retention.ms': 168 * 3_600_000,
        'cleanup.policy': 'delete',
      });
    }
  });

  it.each(['_x', 'A__b-', '-'])(
    'have names that Kubernetes accepts with the prefix %s',
    async (prefix) => {
      const manifests = await renderOver(
        { config: { topics: { prefix } } },
        example('strimzi'),
      );
      expect(manifestFaults(manifests, '1.37')).toEqual([]);
    },
  );

  it("are the bridge's rights on its own topics", async () => {
    const user = only(await renderOver(prefixed, example('strimzi')), 'KafkaUser');
    const acls = at(user, 'spec', 'authorization', 'acls');
    const operations = ['Write', 'Read', 'DescribeConfigs'];
    expect(acls).toEqual(
      ['Acme_events.', 'Acme_events-bridge.'].map((name) => ({
        resource: { type: 'topic', name, patternType: 'prefix' },
        operations,
      })),
    );
    for (const name of topicNames('Acme_events'))
      expect(name).toMatch(/^Acme_events(-bridge)?\./);
  });

  it('include the right to create topics if the bridge creates them', async () => {
    const creating = {
      config: { topics: { mode: 'create' } },
      strimzi: { topics: { enabled: false } },
    };
    const user = only(await renderOver(creating, example('strimzi')), 'KafkaUser');
    expect(at(user, 'spec', 'authorization', 'acls', 0, 'operations')).toContain(
      'Create',
    );
  });
});

describe('the pod of helm test', () => {
  it("runs the bridge's image with `deliver`, and the Services do not select it", async () => {
    const manifests = await render(example('production'));
    const test = only(manifests, 'Pod');
    expect(test.metadata.annotations).toMatchObject({
      'helm.sh/hook': 'test',
      // With another policy Helm would delete the pod before `--logs` reads its log
      'helm.sh/hook-delete-policy': 'before-hook-creation',
    });
    const [bridge, deliver] = podSpecs(manifests).map((pod) => at(pod, 'containers', 0));
    for (const shared of ['image', 'envFrom', 'volumeMounts', 'securityContext']) {
      expect(at(deliver, shared)).toEqual(at(bridge, shared));
    }
    expect(at(deliver, 'command')).toEqual([
      'gemini-kafka-bridge',
      'deliver',
      '--url',
      'http://gemini-kafka-bridge-public.gemini-bridge.svc:8080',
    ]);
    const selector = at(
      only(manifests, 'Deployment'),
      'spec',
      'selector',
      'matchLabels',
    ) as object;
    expect(test.metadata.labels).not.toMatchObject(selector);
  });

  it('has labels, annotations and resources of its own', async () => {
    const helmTest = {
      podLabels: { 'sidecar.istio.io/inject': 'false' },
      podAnnotations: { 'helm.sh/hook': 'post-install', a: 'b' },
      resources: { limits: { memory: '1Gi' } },
    };
    const pod = only(await renderOver({ helmTest }), 'Pod');
    expect(pod.metadata.labels).toMatchObject({
      ...helmTest.podLabels,
      [COMPONENT]: 'test',
    });
    expect(pod.metadata.annotations).toMatchObject({ 'helm.sh/hook': 'test', a: 'b' });
    expect(at(pod, 'spec', 'containers', 0, 'resources', 'limits')).toEqual({
      memory: '1Gi',
    });
  });
});

describe('the alerts', () => {
  it('can be left out by name, labelled, and linked to other runbooks', async () => {
    const [first, ...rest] = await alertsOf({});
    const name = String(first?.['alert']);
    const changed = await alertsOf({
      disabledAlerts: [name],
      alertLabels: { team: 'events' },
      runbookBaseUrl: 'https://runbooks.example.com/x/',
    });
    expect(changed).toHaveLength(rest.filter(({ alert }) => alert !== name).length);
    for (const alert of changed.filter((each) => each['alert'])) {
      expect(alert['labels']).toMatchObject({ team: 'events' });
      expect(at(alert, 'annotations', 'runbook_url')).toMatch(
        /^https:\/\/runbooks\.example\.com\/x\/[\w.-]+$/,
      );
    }
    expect(first?.['labels']).not.toHaveProperty('team');
  });

  it.each([
    ['', 'docs/runbooks'],
    ['https://runbooks.example.com/x/', 'https://runbooks.example.com/x'],
  ])(
    'have their runbooks linked in the dashboard: %s',
    async (runbookBaseUrl, folder) => {
      const values = {
        grafanaDashboard: { enabled: true },
        prometheusRule: { runbookBaseUrl },
      };
      const maps = (await renderOver(values)).filter(({ kind }) => kind === 'ConfigMap');
      const map = maps.find(({ metadata }) => metadata.name.endsWith('-dashboard'));
      const text = at(map, 'data', 'gemini-kafka-bridge.json') as string;
      const variables = at(JSON.parse(text), 'templating', 'list') as object[];
      expect(variables).toContainEqual({
        name: 'runbooks',
        label: 'folder of the runbooks',
        type: 'textbox',
        query: folder,
        current: { text: folder, value: folder },
      });
    },
  );

  it('keep the braces of Prometheus', async () => {
    expect(JSON.stringify(await alertsOf({}))).toMatch(/\{\{ ?\$(labels|value)/);
  });
});
