import { describe, expect, it } from '@jest/globals';
import { merged, nested, refusalOf } from './chart.js';
import { example } from './examples.js';

/** Removes the Secret of the minimal example. */
const NONE = { existingSecret: { name: '' } };
const SECRET = { existingSecret: { name: 'gemini-bridge' } };
const REDIS = { config: { redis: { url: 'redis://redis:6379' } } };
const config = (values: object) => ({ config: values });
const credentials = (values: object) => ({ credentials: values });
const withRedis = (values: object) => merged(REDIS, values) as object;
const PUBLIC_URL = config({ publicUrl: 'https://hooks.example.com' });

/** The key that the message has to name, and one fault over the minimal example. */
const TYPOS: [key: string, values: object][] = [
  ['replicas', { replicas: 2 }],
  ['config', config({ publicURL: 'https://hooks.example.com' })],
  ['config/kafka', config({ kafka: { broker: ['kafka:9092'] } })],
  ['config/topics', config({ topics: { minISR: 2 } })],
  ['credentials', credentials({ kafkaPassword: { value: 'x' } })],
  ['credentials/apiTokens', credentials({ apiTokens: { secret: 'x' } })],
  ['image', { image: { name: 'x' } }],
  ['ingress', { ingress: { hosts: ['a'] } }],
  ['podSecurityContext', { podSecurityContext: { runAsNonroot: true } }],
  ['securityContext', { securityContext: { readOnlyRootFileSystem: true } }],
  ['networkPolicy/kafka', { networkPolicy: { kafka: { port: 1 } } }],
  ['resources', { resources: { limit: {} } }],
  ['autoscaling', { autoscaling: { maxReplica: 3 } }],
  // Removed in 0.2.0: each replica keeps all ids, so more replicas do not lower its memory.
  ['autoscaling', { autoscaling: { targetMemoryUtilizationPercentage: 80 } }],
  ['helmTest/resources', { helmTest: { resources: { limit: {} } } }],
];

const WRONG: [key: string, values: object][] = [
  ['replicaCount', { replicaCount: '2' }],
  ['replicaCount', { replicaCount: -1 }],
  ['image/tag', { image: { tag: 1.5 } }],
  ['image/pullPolicy', { image: { pullPolicy: 'always' } }],
  ['config/logLevel', config({ logLevel: 'trace' })],
  ['config/ackBudgetMs', config({ ackBudgetMs: 50 })],
  ['config/ackBudgetMs', config({ ackBudgetMs: '4s' })],
  ['config/kafka/brokers', config({ kafka: { brokers: 'kafka:9092' } })],
  [
    'config/kafka/sasl/mechanism',
    config({ kafka: { sasl: { mechanism: 'SCRAM-SHA-512' } } }),
  ],
  ['config/topics/partitions', config({ topics: { partitions: 0 } })],
  ['config/dedupe/ttlHours', config({ dedupe: { ttlHours: 24 } })],
  ['config/dedupe/store', config({ dedupe: { store: 'kafka' } })],
  ['config/webhooks/declared/0', config({ webhooks: { declared: ['main'] } })],
  ['config/access/oidc/scopes/0', config({ access: { oidc: { scopes: ['admin'] } } })],
  ['podAnnotations/a', { podAnnotations: { a: 1 } }],
  ['service/public/port', { service: { public: { port: 0 } } }],
  ['podDisruptionBudget/maxUnavailable', { podDisruptionBudget: { maxUnavailable: 0 } }],
  ['fullnameOverride', { fullnameOverride: 'x'.repeat(51) }],
  [
    'topologySpread/whenUnsatisfiable',
    { topologySpread: { whenUnsatisfiable: 'Never' } },
  ],
  ['strimzi/user/authentication', { strimzi: { user: { authentication: 'plain' } } }],
];

/** Texts of a wrong form. The message has the key, the text unless it may be a secret, and the wanted form. */
const FORMS: [fault: string, values: object, wanted: string][] = [
  [
    'config.publicUrl: got "http://hooks.example.com"',
    config({ publicUrl: 'http://hooks.example.com' }),
    'https://host[/path]',
  ],
  ['config.publicUrl', config({ publicUrl: 'https://a:b@c.example' }), 'without user'],
  [
    'config.kafka.brokers[1]: got "kafka"',
    config({ kafka: { brokers: ['a:1', 'kafka'] } }),
    'host:port',
  ],
  [
    'config.topics.prefix: got "a.b"',
    config({ topics: { prefix: 'a.b' } }),
    '1 to 64 letters',
  ],
  [
    'config.webhooks.declared[0].name: got "a/b"',
    config({ webhooks: { declared: [{ name: 'a/b' }] } }),
    '1 to 64 letters',
  ],
  [
    'config.tracing.resourceAttributes: the key "a b"',
    config({ tracing: { endpoint: 'http://c:1', resourceAttributes: { 'a b': 'c' } } }),
    'without commas',
  ],
  ['image.digest: got "sha256:abc"', { image: { digest: 'sha256:abc' } }, '64 hexa'],
  ['commonLabels.team: got "a b"', { commonLabels: { team: 'a b' } }, '63 letters'],
  [
    'serviceMonitor.interval: got "30"',
    { serviceMonitor: { interval: '30' } },
    'for example 30s',
  ],
  [
    'podDisruptionBudget.maxUnavailable: got "0%"',
    { podDisruptionBudget: { maxUnavailable: '0%' } },
    '1% to 99%',
  ],
  [
    'resources.limits.memory: got "1 GB"',
    { resources: { limits: { memory: '1 GB' } } },
    'for example 250m or 256Mi',
  ],
  [
    'credentials.apiTokens.existingSecret.name: got "A_B"',
    credentials({ apiTokens: { existingSecret: { name: 'A_B' } } }),
    'the name of a Kubernetes object',
  ],
  [
    'credentials.webhookSecrets.value: line 1',
    credentials({ webhookSecrets: { value: 'mysecret', ...NONE } }),
    'whsec_ and the Base64 of at least 24 bytes',
  ],
  [
    'credentials.capabilityKeys.value: line 3',
    credentials({ capabilityKeys: { value: '# new\n\nk1:short\n' } }),
    '`gemini-kafka-bridge keys generate`',
  ],
  [
    'credentials.apiTokens.value: line 1',
    credentials({ apiTokens: { value: 'a-long-random-word-of-billing billing all' } }),
    'scopes of jobs:write',
  ],
  [
    'credentials.geminiApiKey.value',
    credentials({ geminiApiKey: { value: 'two words' } }),
    'on a single line',
  ],
];

type Combination = [key: string, values: object, remedy: string];

const COMBINED: Combination[] = [
  ['config.kafka.brokers', config({ kafka: { brokers: [] } }), 'name the brokers'],
  ['replicaCount', { replicaCount: 2 }, 'config.redis.url'],
  ['autoscaling.enabled', { autoscaling: { enabled: true } }, 'config.redis.url'],
  [
    'replicaCount',
    withRedis({ replicaCount: 3, autoscaling: { enabled: true } }),
    'leave it at auto',
  ],
  [
    'autoscaling.minReplicas',
    withRedis({ autoscaling: { enabled: true, minReplicas: 7 } }),
    'autoscaling.maxReplicas',
  ],
  [
    'autoscaling.targetCPUUtilizationPercentage',
    withRedis({ autoscaling: { enabled: true, targetCPUUtilizationPercentage: 0 } }),
    'has no metric',
  ],
  [
    'podDisruptionBudget.maxUnavailable',
    withRedis({ podDisruptionBudget: { maxUnavailable: 2 } }),
    'lower it',
  ],
  [
    'credentials.webhookSecrets',
    credentials({ webhookSecrets: { existingSecret: { name: '' } } }),
    'no delivery could be verified',
  ],
  [
    'credentials.apiTokens',
    config({ access: { open: false } }),
    'config.access.open: true',
  ],
  ['config.access.open', credentials({ apiTokens: SECRET }), 'contradicts'],
  [
    'config.access.oidc.audience',
    config({ access: { open: false, oidc: { issuer: 'https://i.example' } } }),
    'another service',
  ],
  [
    'config.access.oidc.issuer',
    config({ access: { oidc: { audience: 'a' } } }),
    'name the issuer',
  ],
  [
    'config.access.oidc.subjects',
    config({
      access: {
        open: false,
        oidc: { issuer: 'https://i.example', audience: 'a', scopes: ['jobs:read'] },
      },
    }),
    'set scopes and subjects together',
  ],
  [
    'config.publicUrl',
    credentials({ geminiApiKey: SECRET, capabilityKeys: SECRET }),
    'submitting jobs',
  ],
  [
    'credentials.capabilityKeys',
    merged(PUBLIC_URL, credentials({ geminiApiKey: SECRET })) as object,
    'submitting jobs',
  ],
  [
    'credentials.geminiApiKey',
    config({ webhooks: { declared: [{ name: 'main' }], mode: 'report' } }),
    'needs it',
  ],
  [
    'credentials.vaultKeys',
    merged(PUBLIC_URL, {
      config: { webhooks: { declared: [{ name: 'main' }] } },
      credentials: { geminiApiKey: SECRET, capabilityKeys: SECRET },
    }) as object,
    'config.webhooks.mode: report',
  ],
  [
    'config.webhooks.declared',
    config({ webhooks: { mode: 'off', declared: [{ name: 'main' }, { name: 'main' }] } }),
    'twice',
  ],
  [
    'config.webhooks.declared',
    config({
      webhooks: {
        mode: 'off',
        declared: [{ name: 'main', events: ['batch.cancelled'] }],
      },
    }),
    'leave batch.cancelled out',
  ],
  [
    'config.vault.kubernetesSecret',
    credentials({ vaultKeys: SECRET }),
    'config.redis.url',
  ],
  [
    'credentials.vaultKeys',
    config({ vault: { kubernetesSecret: 'vault' } }),
    'encrypted',
  ],
  [
    'credentials.kafkaTlsKey',
    credentials({ kafkaTlsCert: SECRET }),
    'kafkaTlsCert together with its key',
  ],
  [
    'credentials.kafkaTlsCert',
    credentials({ kafkaTlsKey: SECRET }),
    'kafkaTlsCert together with its key',
  ],
  [
    'config.kafka.sasl.username',
    {
      config: { kafka: { sasl: { mechanism: 'plain' } } },
      credentials: { kafkaSaslPassword: SECRET },
    },
    'needs it',
  ],
  [
    'credentials.kafkaSaslPassword',
    config({ kafka: { sasl: { mechanism: 'plain', username: 'u' } } }),
    'needs it',
  ],
  [
    'credentials.kafkaSaslToken',
    config({ kafka: { sasl: { mechanism: 'oauthbearer' } } }),
    'needs it',
  ],
  [
    'config.kafka.sasl.mechanism',
    config({ kafka: { sasl: { username: 'u' } } }),
    'name the mechanism',
  ],
  [
    'config.kafka.sasl.mechanism',
    credentials({ kafkaSaslPassword: SECRET }),
    'name the mechanism',
  ],
  [
    'credentials.webhookSecrets',
    credentials({ webhookSecrets: { value: `whsec_${'x'.repeat(32)}` } }),
    'unset one of them',
  ],
  [
    'credentials.webhookSecrets.existingSecret.key',
    credentials({ webhookSecrets: { existingSecret: { key: '' } } }),
    'name the key',
  ],
  [
    'credentials.redisPassword',
    credentials({ redisPassword: SECRET }),
    'config.redis.url',
  ],
  [
    'config.redis.url',
    config({ redis: { url: 'redis://user:geheim@redis:6379' } }),
    'credentials.redisPassword',
  ],
  ...[
    'rediss://:pa/ss@redis:6379',
    'redis://user:pa@ss@redis:6379',
    'redis://user:pa?ss@redis:6379',
    'redis://user:pa\nss@redis:6379',
    'redis://user%3Apass@redis:6379',
    'redis+sentinel://user:pass@a:26379,b:26379/m',
    'user:pass@redis:6379',
  ].map((url): Combination => [
    'config.redis.url',
    config({ redis: { url } }),
    'has a password',
  ]),
  ...['redis://redis:6379/0?password=x', 'redis://redis:6379/0#x'].map(
    (url): Combination => [
      'config.redis.url',
      config({ redis: { url } }),
      'has a query or a fragment',
    ],
  ),
  ...[
    'redis+sentinel://a,b:26379/m',
    'redis+sentinel://u@a:26379,b/m',
    'rediss+cluster://a:6379, b:6379',
    'redis+cluster://[::1]',
    'redis+cluster://a:x',
  ].map((url): Combination => [
    'config.redis.url',
    config({ redis: { url } }),
    'want host:port of each (Sentinel|node)',
  ]),
  ...['tracing.endpoint', 'gemini.url', 'signature.jwksUrl'].flatMap((path) =>
    [
      'https://user:pass@host.example',
      'https://token@host.example/a',
      'HTTP://u:pass@h',
      'user:pass@h',
    ].map((url): Combination => [
      `config.${path}`,
      config(nested(path.split('.'), url)),
      'has a user or a password',
    ]),
  ),
  [
    'config.gemini.url',
    config({ gemini: { url: 'https://gemini.example?key=x' } }),
    'credentials.geminiApiKey',
  ],
  ...['gemini-bridge', 'otel-headers', 'gemini-kafka-bridge-credentials'].map(
    (kubernetesSecret): Combination => [
      'config.vault.kubernetesSecret',
      {
        config: {
          vault: { kubernetesSecret },
          tracing: {
            endpoint: 'http://otel:4318',
            headersSecret: { name: 'otel-headers' },
          },
        },
        credentials: { vaultKeys: SECRET },
      },
      'name another',
    ],
  ),
  [
    'serviceAccount.name',
    {
      config: { vault: { kubernetesSecret: 'vault' } },
      credentials: { vaultKeys: SECRET },
      serviceAccount: { create: false },
    },
    'which every pod',
  ],
  ['config.redis.url', withRedis(credentials({ redisTlsCa: SECRET })), 'rediss://'],
  ['config.redis.url', config({ dedupe: { store: 'redis' } }), 'needs it'],
  [
    'config.topics.minIsr',
    config({ topics: { minIsr: 4 } }),
    'config.topics.replication',
  ],
  [
    'config.topics.retentionHours',
    config({ topics: { retentionHours: 48 } }),
    'config.dedupe.ttlHours',
  ],
  ['config.shutdownTimeoutMs', config({ ackBudgetMs: 15_000 }), 'config.ackBudgetMs'],
  ['config.publicUrl', { ingress: { enabled: true } }, 'ingress.host'],
  [
    'config.publicUrl',
    { httpRoute: { enabled: true, parentRefs: [{ name: 'g' }] } },
    'httpRoute.hostnames',
  ],
  [
    'httpRoute.parentRefs',
    merged(PUBLIC_URL, { httpRoute: { enabled: true } }) as object,
    'name the Gateway',
  ],
  [
    'networkPolicy.publicFrom',
    {
      config: PUBLIC_URL.config,
      httpRoute: {
        enabled: true,
        parentRefs: [{ name: 'public', namespace: 'gateways' }],
      },
      networkPolicy: {
        enabled: true,
        publicFrom: (example('production')['networkPolicy'] as { publicFrom: object[] })
          .publicFrom,
      },
    },
    "the Gateway's pods run",
  ],
  [
    'ingress.annotations',
    { config: { publicUrl: 'https://a.example/b' }, ingress: { enabled: true } },
    'strips /b',
  ],
  [
    'podMonitor.enabled',
    { podMonitor: { enabled: true }, serviceMonitor: { enabled: true } },
    'scraped twice',
  ],
  [
    'prometheusRule.disabledAlerts',
    { prometheusRule: { disabledAlerts: ['Nope'] } },
    'there is no alert Nope',
  ],
  [
    'strimzi.cluster',
    { strimzi: { user: { enabled: true, authentication: 'tls' } } },
    'name the Kafka',
  ],
  [
    'config.topics.mode',
    { strimzi: { cluster: 'c', topics: { enabled: true } } },
    'has to be check',
  ],
  [
    'config.kafka.sasl.mechanism',
    { strimzi: { cluster: 'c', user: { enabled: true } } },
    'scram-sha-512',
  ],
  [
    'config.kafka.sasl.username',
    { strimzi: { cluster: 'c', user: { enabled: true } } },
    'strimzi.user.name',
  ],
  [
    'extraVolumes',
    { extraVolumes: [{ name: 'tmp', emptyDir: {} }] },
    'the chart has a volume tmp',
  ],
  [
    'helmTest.podLabels',
    { helmTest: { podLabels: { 'app.kubernetes.io/component': 'bridge' } } },
    'is set by the chart, which selects the pods',
  ],
  [
    'podLabels',
    { podLabels: { 'app.kubernetes.io/name': 'mine' } },
    'is set by the chart, which selects the pods',
  ],
  ['commonLabels', { commonLabels: { 'helm.sh/chart': 'mine' } }, 'is set by the chart'],
  [
    'config.dedupe.store',
    { replicaCount: 2, config: { ...REDIS.config, dedupe: { store: 'memory' } } },
    'one process',
  ],
  [
    'config.tracing.endpoint',
    config({ tracing: { sampler: 'always_on' } }),
    'name the collector',
  ],
  [
    'config.tracing.endpoint',
    config({ tracing: { headersSecret: { name: 'h' } } }),
    'name the collector',
  ],
  ['config.redis.url', config({ redis: { url: 'redis:6379' } }), 'want redis://'],
  ['config.redis.url', config({ redis: { url: 'https://redis:6379' } }), 'want redis://'],
];

const minimal = example('minimal');
const refusalFor = (values: object) => refusalOf(merged(minimal, values) as object);

describe('accepted values', () => {
  it.each([
    'redis://user@redis:6379/0',
    'redis://[2001:db8::1]:6379',
    'rediss+sentinel://bridge@a:26379,[::1]:26379/mymaster/0',
    'redis+cluster://a:6379,b:6379',
  ])('are URLs of Redis such as %s', async (url) => {
    expect(await refusalFor(config({ redis: { url } }))).toBe('');
  });

  it.each([
    'https://keys.example/securetoken@example.com',
    'https://[::1]:8443/keys?a=b@c',
  ])('are URLs of keys such as %s', async (jwksUrl) => {
    expect(await refusalFor(config({ signature: { jwksUrl } }))).toBe('');
  });
});

describe('refused values', () => {
  it.each([...TYPOS, ...WRONG])(
    '%s: the schema names the key: %j',
    async (key, values) => {
      const message = await refusalFor(values);
      expect(message).toContain("don't meet the specifications of the schema");
      expect(message).toMatch(new RegExp(`at '/${key}'|additional properties '${key}'`));
    },
  );

  it.each(FORMS)(
    '%s: the chart names the wanted form: %j',
    async (fault, values, wanted) => {
      const message = await refusalFor(values);
      const line = message.split('\n').find((each) => each.startsWith(`  ${fault}`));
      expect(line).toMatch(/: want |, want /);
      expect(line).toContain(wanted);
    },
  );

  it.each(COMBINED)(
    '%s: the chart names the key and the remedy: %j',
    async (key, values, remedy) => {
      const message = await refusalFor(values);
      expect(message).toMatch(
        new RegExp(`^  ${key.replaceAll('.', '\\.')}: .*${remedy}`, 'm'),
      );
    },
  );

  it('are all reported at once', async () => {
    const message = await refusalOf({});
    expect(message.match(/^  (config|credentials)\.[\w.]+: /gm)).toHaveLength(3);
  });

  it('are reported by helm 3, too', async () => {
    const typo = merged(minimal, { config: { publicURL: 'x' } }) as object;
    expect(await refusalOf(typo, { major: 3 })).toContain('publicURL');
    expect(await refusalOf({}, { major: 3 })).toContain('config.kafka.brokers: is empty');
  });

  it.each([
    config({ redis: { url: 'redis://user:geheim@redis:6379' } }),
    config({ redis: { url: 'user:geheim@redis:6379' } }),
    config({ redis: { url: 'rediss://:ge/heim@redis:6379' } }),
    config({ redis: { url: 'redis://redis:6379?password=geheim' } }),
    config({ tracing: { endpoint: 'HTTP://user:geheim@otel:4318' } }),
    config({ gemini: { url: 'https://user:geheim@gemini' } }),
    config({ signature: { jwksUrl: 'user:geheim@gemini' } }),
    config({ publicUrl: 'https://user:geheim@hooks.example.com' }),
    config({ publicUrl: 'https://hooks.example.com?token=geheim' }),
    credentials({ geminiApiKey: { value: 'ge heim' } }),
    credentials({ webhookSecrets: { value: 'geheim', ...NONE } }),
    credentials({ vaultKeys: { value: 'v1:geheim' } }),
    credentials({ apiTokens: { value: 'geheim' } }),
    credentials({ apiTokens: { value: ['geheim'] } }),
  ])('are reported without their secrets: %j', async (values) => {
    const message = await refusalFor(values);
    expect(message).toMatch(/cannot work|want string/);
    expect(message).not.toContain('heim');
  });
});
