import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../src/config/load-config.js';
import { ConfigError, problemLine, type Problem } from '../../../src/config/problem.js';
import { VARIABLES } from '../../../src/config/environment.js';
import { temporaryFile } from '../../support/temporary-file.js';

/** The least that the service starts with. */
const LEAST = {
  KAFKA_BROKERS: 'kafka-1:9092',
  WEBHOOK_SECRETS: 'whsec_not-looked-at-here',
  API_AUTH: 'none',
};

const OTLP = 'http://collector:4318';

const OIDC = {
  API_OIDC_ISSUER: 'https://issuer.example/tenant/',
  API_OIDC_AUDIENCE: 'gemini-bridge',
};

function problemsOf(env: Record<string, string>): readonly Problem[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const namesIn = (problems: readonly Problem[]) => problems.map(({ setting }) => setting);

const textOf = (problems: readonly Problem[]) => problems.map(problemLine).join('\n');

/** Numbers, plain words and paths are shown; another text may be a secret. */
const isShown = (value: string) => /^(-?[\d.]+|[A-Za-z-]{1,16}|\/.*)$/.test(value);

describe('loadConfig', () => {
  it('has defaults for all but the brokers, a proof and who may call', () => {
    const config = loadConfig(LEAST);
    expect(config).toEqual({
      server: { port: 8080, internalPort: 8081, host: undefined },
      publicUrl: undefined,
      ackBudgetMs: 4000,
      shutdownTimeoutMs: 20_000,
      logLevel: 'info',
      tracing: 'off',
      kafka: {
        brokers: ['kafka-1:9092'],
        clientId: 'gemini-kafka-bridge',
        queueMax: 10_000,
        sasl: undefined,
        tls: undefined,
      },
      topics: {
        prefix: 'gemini',
        mode: 'create',
        partitions: 6,
        replication: 3,
        minIsr: 2,
        retentionHours: 168,
      },
      signature: {
        secrets: LEAST.WEBHOOK_SECRETS,
        secretsFile: undefined,
        capabilityKeysFile: undefined,
        jwksUrl: 'https://generativelanguage.googleapis.com/.well-known/jwks.json',
        jwksStaleMs: 86_400_000,
      },
      vault: {
        keysFile: undefined,
        file: undefined,
        kubernetesSecret: undefined,
        kubernetesApi: undefined,
      },
      webhooks: {
        declared: [],
        mode: 'off',
        intervalMs: 300_000,
        owner: 'nowhere',
        reviveMax: 5,
        rotateEveryMs: 0,
      },
      token: {
        audience: undefined,
        issuer: undefined,
        maxAgeSeconds: 300,
        bodyHashClaim: 'body_sha256',
        unboundBody: 'confirm',
      },
      redis: undefined,
      dedupe: {
        store: 'log',
        ttlMs: 259_200_000,
        onError: 'refuse',
        leaseMs: 12_000,
        memoryMax: 1_000_000,
      },
      jobs: {
        retentionMs: 604_800_000,
        lookAfterMs: 300_000,
        settleMs: 120_000,
        giveUpMs: 93_600_000,
        callsPerMinute: 60,
      },
      gemini: {
        url: 'https://generativelanguage.googleapis.com',
        apiKey: undefined,
      },
      access: {
        tokensFile: undefined,
        oidc: undefined,
        open: true,
        ratePerMinute: 600,
      },
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('takes an empty variable for an unset one, as a chart renders it', () => {
    const empty = Object.fromEntries(VARIABLES.map((name) => [name, '']));
    expect(loadConfig({ ...empty, ...LEAST })).toEqual(loadConfig(LEAST));
  });

  it.each<[string, string]>([
    ['PORT', '-1'],
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['INTERNAL_PORT', 'http'],
    ['PUBLIC_URL', 'http://bridge.example'],
    ['PUBLIC_URL', 'http://127.0.0.1.example'],
    ['PUBLIC_URL', 'https://bridge.example/webhooks/gemini'],
    ['PUBLIC_URL', 'https://bridge.example/base/webhooks/gemini/'],
    ['KAFKA_BROKERS', 'kafka-1'],
    ['KAFKA_BROKERS', 'kafka-1:9092,'],
    ['KAFKA_BROKERS', 'kafka://kafka-1:9092'],
    ['KAFKA_BROKERS', 'kafka-1:9092,kafka-2:99999'],
    ['KAFKA_BROKERS', 'kafka-1:0'],
    ['KAFKA_SASL_MECHANISM', 'gssapi'],
    ['KAFKA_TLS', 'yes'],
    ['KAFKA_TLS_CA_FILE', '/no/such/file'],
    ['KAFKA_TLS_CERT_FILE', import.meta.filename],
    ['KAFKA_SASL_PASSWORD_FILE', '/no/such/file'],
    ['TOPIC_PREFIX', 'gemini.events'],
    ['TOPIC_PREFIX', 'x'.repeat(65)],
    ['TOPICS_MODE', 'drop'],
    ['TOPIC_PARTITIONS', '0'],
    ['TOPIC_REPLICATION', 'three'],
    ['TOPIC_MIN_ISR', '4'],
    ['TOPIC_RETENTION_HOURS', '0'],
    ['PUBLISH_QUEUE_MAX', '0'],
    ['WEBHOOK_SECRETS_FILE', '/no/such/file'],
    ['VAULT_KEYS_FILE', '/no/such/file'],
    ['VAULT_KUBERNETES_SECRET', 'Not_A_Name'],
    ['WEBHOOKS', 'every'],
    ['WEBHOOKS', '[]'],
    ['WEBHOOKS', '[{"name": "main"}, {"name": "main"}]'],
    ['WEBHOOKS', '[{"name": "a/b"}]'],
    ['WEBHOOKS', '[{"name": "main", "secret": "x"}]'],
    ['WEBHOOKS', '[{"name": "main", "url": "http://bridge.example"}]'],
    ['WEBHOOKS', '[{"name": "main", "events": ["batch.cancelled"]}]'],
    ['WEBHOOKS', '[{"name": "main", "events": ["batch.done"]}]'],
    ['WEBHOOKS', '[{"name": "main", "events": []}]'],
    ['WEBHOOKS', '{"name": "main"}'],
    ['WEBHOOKS', '["main"]'],
    ['WEBHOOKS_MODE', 'mend'],
    ['WEBHOOKS_INTERVAL_SECONDS', '0'],
    ['WEBHOOKS_OWNER', 'a b'],
    ['WEBHOOKS_REVIVE_MAX', '-1'],
    ['ROTATE_EVERY_DAYS', 'monthly'],
    ['JWKS_URL', 'jwks'],
    ['JWKS_STALE_HOURS', '0'],
    ['JWT_MAX_AGE_SECONDS', '0'],
    ['JWT_UNBOUND_BODY', 'publish'],
    ['CAPABILITY_KEYS_FILE', '/no/such/file'],
    ['REDIS_URL', 'http://redis:6379'],
    ['REDIS_URL', 'rediss://:pa/ss@redis:6379'],
    ['REDIS_URL', 'rediss://redis:6379/0?password=s'],
    ['REDIS_URL', 'redis+sentinel://one,two/main'],
    ['REDIS_URL', 'redis+cluster://one:7000,two'],
    ['REDIS_URL', 'redis://redis:99999'],
    ['REDIS_URL', 'redis+cluster://one:7000,two:70000'],
    ['DEDUPE_STORE', 'disk'],
    ['DEDUPE_TTL_HOURS', '24'],
    ['DEDUPE_ON_ERROR', 'drop'],
    ['DEDUPE_MEMORY_MAX', '0'],
    ['ACK_BUDGET_MS', '99'],
    ['GEMINI_API_KEY_FILE', '/no/such/file'],
    ['GEMINI_URL', 'gemini'],
    ['GEMINI_URL', 'ftp://gemini.example'],
    ['API_TOKENS_FILE', '/no/such/file'],
    ['API_OIDC_ISSUER', 'issuer.example'],
    ['API_OIDC_ISSUER', 'http://issuer.example'],
    ['API_OIDC_ISSUER', 'https://user:password@issuer.example'],
    ['API_OIDC_ISSUER', 'https://issuer.example/?tenant=1'],
    ['API_OIDC_SCOPES', 'jobs:delete'],
    ['API_OIDC_SCOPES', 'jobs:read,'],
    ['API_OIDC_SUBJECTS', 'system:*:billing'],
    ['API_OIDC_SUBJECTS', 'billing,'],
    ['API_OIDC_SUBJECTS', 'b\u00e9'],
    ['API_AUTH', 'open'],
    ['API_RATE_PER_MINUTE', '-1'],
    ['API_RATE_PER_MINUTE', '10/s'],
    ['SHUTDOWN_TIMEOUT_MS', '0'],
    ['LOG_LEVEL', 'loud'],
  ])('refuses %s=%s and does not show what may be a secret', (name, value) => {
    const problems = problemsOf({ ...LEAST, [name]: value });
    expect(namesIn(problems)).toContain(name);
    for (const { got, wants, remedy } of problems) {
      expect([got, wants, remedy]).toEqual(Array(3).fill(expect.stringMatching(/\S/)));
    }
    if (isShown(value)) return;
    expect(problems.map(({ got }) => got).join('\n')).not.toContain(value);
  });

  it.each(['two\nlines', 'naïve', 'with space'])(
    'refuses the Gemini key %j unseen',
    (key) => {
      const problems = problemsOf({ GEMINI_API_KEY: key });
      expect(namesIn(problems)).toContain('GEMINI_API_KEY');
      expect(textOf(problems)).not.toContain(key);
    },
  );

  const KEYS_FILE = import.meta.filename;

  it.each<[object, string]>([
    [{ VAULT_FILE: '/vault' }, 'VAULT_KEYS_FILE'],
    [{ VAULT_KEYS_FILE: KEYS_FILE }, 'VAULT_FILE'],
    [
      { VAULT_KEYS_FILE: KEYS_FILE, VAULT_FILE: '/v', VAULT_KUBERNETES_SECRET: 'v' },
      'VAULT_KUBERNETES_SECRET',
    ],
    [{ WEBHOOKS: '[{"name":"a"}]' }, 'GEMINI_API_KEY'],
    [{ WEBHOOKS: '[{"name":"a"}]' }, 'VAULT_KEYS_FILE'],
    [{ WEBHOOKS: '[{"name":"a"}]', WEBHOOKS_MODE: 'report' }, 'GEMINI_API_KEY'],
  ])('says of %j that %s is missing or too much', (more, name) => {
    expect(namesIn(problemsOf({ ...LEAST, ...more }))).toContain(name);
  });

  it('declares webhooks at its own address, of its own', () => {
    const { webhooks } = loadConfig({
      ...LEAST,
      GEMINI_API_KEY: 'k',
      PUBLIC_URL: 'https://bridge.example/base/',
      CAPABILITY_KEYS_FILE: KEYS_FILE,
      VAULT_KEYS_FILE: KEYS_FILE,
      VAULT_FILE: '/vault',
      WEBHOOKS:
        '[{"name":"all"},{"name":"one","events":["batch.failed"],"url":"https://other/p"}]',
    });
    expect(webhooks).toMatchObject({
      mode: 'ensure',
      owner: 'bridge.example-base',
      declared: [
        { name: 'all', uri: 'https://bridge.example/base/webhooks/gemini' },
        { name: 'one', events: ['batch.failed'], uri: 'https://other/p' },
      ],
    });
    expect(webhooks.declared[0]?.events).toContain('video.generated');
  });

  it('names what is missing beside what is malformed', () => {
    expect(new Set(namesIn(problemsOf({ PORT: 'x' })))).toEqual(
      new Set(['PORT', 'KAFKA_BROKERS', 'WEBHOOK_SECRETS', 'API_TOKENS_FILE']),
    );
  });

  it.each([
    'bridge.example',
    'ftp://127.0.0.1',
    'http://bridge.example',
    'https://bridge.example/?a=b',
    'https://bridge.example/#a',
  ])('refuses %s as the base of the URLs that Gemini is given', (url) => {
    expect(namesIn(problemsOf({ PUBLIC_URL: url }))).toContain('PUBLIC_URL');
  });

  it('names every bad variable at once, and no value', () => {
    const secret = 'hunter2-hunter2';
    const env = {
      PORT: secret,
      KAFKA_BROKERS: secret,
      TOPICS_MODE: secret,
      JWKS_URL: secret,
      REDIS_URL: secret,
      LOG_LEVEL: secret,
      API_AUTH: secret,
    };
    const names = Object.keys(env);
    const problems = problemsOf(env);
    expect(new Set(namesIn(problems))).toEqual(new Set([...names, 'WEBHOOK_SECRETS']));
    const { message } = new ConfigError(problems);
    for (const name of names) expect(message).toContain(`\n  ${name}`);
    expect(message).not.toContain(secret);
  });

  it.each<[string, Record<string, string>, string[]]>([
    [
      'neither a proof nor who may call',
      { KAFKA_BROKERS: 'k:1' },
      ['WEBHOOK_SECRETS', 'API_TOKENS_FILE'],
    ],
    [
      'a memory that is deleted too early',
      { ...LEAST, TOPIC_RETENTION_HOURS: '71' },
      ['TOPIC_RETENTION_HOURS'],
    ],
    [
      'a password for no Redis',
      { ...LEAST, REDIS_PASSWORD_FILE: import.meta.filename },
      ['REDIS_URL'],
    ],
    [
      'two passwords for Redis',
      {
        ...LEAST,
        REDIS_URL: 'redis://:one@redis:6379',
        REDIS_PASSWORD_FILE: import.meta.filename,
      },
      ['REDIS_PASSWORD_FILE'],
    ],
    [
      'a CA without TLS',
      {
        ...LEAST,
        REDIS_URL: 'redis://redis:6379',
        REDIS_TLS_CA_FILE: import.meta.filename,
      },
      ['REDIS_TLS_CA_FILE'],
    ],
    ['one port for both listeners', { ...LEAST, PORT: '8081' }, ['INTERNAL_PORT']],
    [
      'a secret and a file of secrets',
      { ...LEAST, WEBHOOK_SECRETS_FILE: import.meta.filename },
      ['WEBHOOK_SECRETS_FILE'],
    ],
    ['no Redis for the store', { ...LEAST, DEDUPE_STORE: 'redis' }, ['REDIS_URL']],
    [
      'a key for Gemini and nothing to be called back on',
      { ...LEAST, GEMINI_API_KEY: 'key' },
      ['PUBLIC_URL', 'CAPABILITY_KEYS_FILE'],
    ],
    [
      'tokens, and the word that there are none',
      { ...LEAST, API_TOKENS_FILE: import.meta.filename },
      ['API_AUTH'],
    ],
    [
      'an issuer, and the word that there is none',
      { ...LEAST, ...OIDC, API_AUTH: 'none' },
      ['API_AUTH'],
    ],
    [
      'an issuer without an audience',
      { ...LEAST, ...OIDC, API_AUTH: '', API_OIDC_AUDIENCE: '' },
      ['API_OIDC_AUDIENCE'],
    ],
    [
      'an audience without an issuer',
      { ...LEAST, API_OIDC_AUDIENCE: 'gemini-bridge' },
      ['API_OIDC_ISSUER'],
    ],
    [
      'scopes for every caller',
      { ...LEAST, ...OIDC, API_AUTH: '', API_OIDC_SCOPES: 'jobs:read' },
      ['API_OIDC_SUBJECTS'],
    ],
    [
      'subjects that get nothing',
      { ...LEAST, ...OIDC, API_AUTH: '', API_OIDC_SUBJECTS: '*' },
      ['API_OIDC_SUBJECTS'],
    ],
    [
      'scopes and subjects of no issuer',
      { ...LEAST, API_OIDC_SCOPES: 'jobs:read', API_OIDC_SUBJECTS: '*' },
      ['API_OIDC_ISSUER', 'API_OIDC_ISSUER'],
    ],
    [
      'SCRAM without credentials',
      { ...LEAST, KAFKA_SASL_MECHANISM: 'scram-sha-512' },
      ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'],
    ],
    [
      'OAUTHBEARER without a token',
      { ...LEAST, KAFKA_SASL_MECHANISM: 'oauthbearer' },
      ['KAFKA_SASL_TOKEN_FILE'],
    ],
    [
      'a user name without a mechanism',
      { ...LEAST, KAFKA_SASL_USERNAME: 'bridge' },
      ['KAFKA_SASL_MECHANISM'],
    ],
    [
      'a certificate without its key',
      { ...LEAST, KAFKA_TLS_CERT_FILE: import.meta.filename },
      ['KAFKA_TLS_CERT_FILE'],
    ],
  ])('refuses %s', (_, env, names) => {
    expect(namesIn(problemsOf(env))).toEqual(names);
  });

  it.each([
    'https://bridge.example',
    'http://127.0.0.1:8080',
    'http://localhost:8080',
    'http://[::1]:8080',
  ])('takes %s as the public URL', (url) => {
    expect(loadConfig({ ...LEAST, PUBLIC_URL: `${url}//` }).publicUrl).toBe(url);
  });

  it('knows the callers by tokens, by an issuer or by both', () => {
    const closed = { ...LEAST, API_AUTH: '' };
    const oidc = {
      issuer: 'https://issuer.example/tenant/',
      audience: 'gemini-bridge',
      scopes: [],
      subjects: [],
      keysStaleMs: 86_400_000,
    };
    const both = { ...closed, ...OIDC, API_TOKENS_FILE: import.meta.filename };
    expect(loadConfig({ ...closed, ...OIDC }).access).toMatchObject({
      oidc,
      open: false,
    });
    expect(loadConfig(both).access).toMatchObject({
      tokensFile: import.meta.filename,
      oidc,
    });
    const granting = loadConfig({
      ...closed,
      ...OIDC,
      API_OIDC_SCOPES: 'jobs:read, jobs:write',
      API_OIDC_SUBJECTS: 'system:serviceaccount:billing:*, submitter',
      JWKS_STALE_HOURS: '1',
    });
    expect(granting.access.oidc).toMatchObject({
      scopes: ['jobs:read', 'jobs:write'],
      subjects: ['system:serviceaccount:billing:*', 'submitter'],
      keysStaleMs: 3_600_000,
    });
    const API_OIDC_ISSUER = 'http://127.0.0.1:8080';
    expect(problemsOf({ ...closed, ...OIDC, API_OIDC_ISSUER })).toEqual([]);
  });

  it('publishes while Redis is away, but for the store that promises no repeat', () => {
    const REDIS_URL = 'rediss+sentinel://redis:26379/main';
    const redis = loadConfig({ ...LEAST, REDIS_URL, DEDUPE_STORE: 'redis' });
    expect(redis.dedupe).toMatchObject({ store: 'redis', onError: 'publish' });
    const log = loadConfig({ ...LEAST, REDIS_URL });
    expect(log.dedupe).toMatchObject({ store: 'log', onError: 'refuse' });
    const chosen = loadConfig({ ...LEAST, REDIS_URL, DEDUPE_ON_ERROR: 'publish' });
    expect(chosen.dedupe.onError).toBe('publish');
  });

  it('reads credentials and certificates from their files', () => {
    using password = temporaryFile('hunter2\n');
    using ca = temporaryFile('-----BEGIN CERTIFICATE-----\n');
    const { kafka } = loadConfig({
      ...LEAST,
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_USERNAME: 'bridge',
      KAFKA_SASL_PASSWORD_FILE: password.path,
      KAFKA_TLS_CA_FILE: ca.path,
    });
    expect(kafka.sasl).toMatchObject({ mechanism: 'plain', password: 'hunter2' });
    expect(kafka.tls).toEqual({
      ca: '-----BEGIN CERTIFICATE-----',
      cert: undefined,
      key: undefined,
    });
    using key = temporaryFile('a-key\n');
    const { gemini } = loadConfig({
      ...LEAST,
      GEMINI_API_KEY_FILE: key.path,
      CAPABILITY_KEYS_FILE: key.path,
      PUBLIC_URL: 'https://bridge.example',
    });
    expect(gemini.apiKey).toBe('a-key');
  });

  it('has what the files say now, and what they said last when that cannot be used', () => {
    using password = temporaryFile('old\n');
    using key = temporaryFile('old-key\n');
    const { redis, gemini } = loadConfig({
      ...LEAST,
      REDIS_URL: 'rediss://bridge@redis:6379',
      REDIS_PASSWORD_FILE: password.path,
      REDIS_TLS_CA_FILE: password.path,
      GEMINI_API_KEY_FILE: key.path,
      CAPABILITY_KEYS_FILE: key.path,
      PUBLIC_URL: 'https://bridge.example',
    });
    expect(redis).toMatchObject({ password: 'old', ca: 'old' });
    password.write('new\n');
    key.write('new-key\n');
    expect([redis?.password, gemini.apiKey]).toEqual(['new', 'new-key']);
    password.write('\n');
    key.write('two\nlines\n');
    expect([redis?.password, gemini.apiKey]).toEqual(['new', 'new-key']);
    key.write('newest-key');
    expect(gemini.apiKey).toBe('newest-key');
  });

  it.each([
    [{ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 'https://10.0.0.1:443'],
    [
      { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' },
      'https://[fd00::1]:6443',
    ],
  ])('knows the API server by %j', (env, url) => {
    expect(loadConfig({ ...LEAST, ...env }).vault.kubernetesApi).toBe(url);
  });

  it('refuses a file without text', () => {
    using empty = temporaryFile('\n');
    expect(problemsOf({ ...LEAST, KAFKA_TLS_CA_FILE: empty.path })).toMatchObject([
      { setting: 'KAFKA_TLS_CA_FILE', got: `${empty.path}, which is empty` },
    ]);
  });

  it.each<[string, Record<string, string>, string]>([
    ['is off by itself', {}, 'off'],
    ['is on with an endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: OTLP }, 'http/protobuf'],
    [
      'is on with one for traces',
      {
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: OTLP,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      },
      'http/json',
    ],
    [
      'is off when the SDK is',
      { OTEL_EXPORTER_OTLP_ENDPOINT: OTLP, OTEL_SDK_DISABLED: 'True' },
      'off',
    ],
    [
      'is off when nothing is to be exported',
      { OTEL_EXPORTER_OTLP_ENDPOINT: OTLP, OTEL_TRACES_EXPORTER: 'none' },
      'off',
    ],
    ['is on when it is said to be', { OTEL_TRACES_EXPORTER: 'otlp' }, 'http/protobuf'],
    [
      'minds no protocol without an endpoint',
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      'off',
    ],
  ])('tracing %s', (_, env, tracing) => {
    expect(loadConfig({ ...LEAST, ...env }).tracing).toBe(tracing);
  });

  it.each([
    'redis://redis',
    'redis://:pass%2Fword@redis:6379/0',
    'rediss://user:secret@10.0.0.1:6380/15',
    'redis://[::1]:6379',
    'rediss+sentinel://user:secret@one:26379,two:26379/main/1',
    'redis+sentinel://one:26379',
    'redis+cluster://[::1]:7000,[::1]:7001',
  ])('takes Redis at %s', (REDIS_URL) => {
    expect(loadConfig({ ...LEAST, REDIS_URL }).redis?.url).toBe(REDIS_URL);
  });

  it('refuses a collector that is not spoken to by HTTP', () => {
    for (const url of ['collector:4318', 'grpc://collector:4317']) {
      const problems = problemsOf({ ...LEAST, OTEL_EXPORTER_OTLP_ENDPOINT: url });
      expect(namesIn(problems)).toEqual(['OTEL_EXPORTER_OTLP_ENDPOINT']);
    }
  });

  it('refuses a protocol for traces that it does not speak', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: OTLP,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    };
    expect(namesIn(problemsOf({ ...LEAST, ...env }))).toEqual([
      'OTEL_EXPORTER_OTLP_PROTOCOL',
    ]);
  });

  it('speaks TLS with the system’s authorities when told so', () => {
    expect(loadConfig({ ...LEAST, KAFKA_TLS: 'true' }).kafka.tls).toBeTruthy();
    expect(loadConfig({ ...LEAST, KAFKA_TLS: 'false' }).kafka.tls).toBeUndefined();
  });
});
