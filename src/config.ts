import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { SCOPES } from './access/scopes.js';
import { CredentialFile } from './credential-file.js';
import { EVENT_TYPES, GUIDE_ONLY } from './webhooks/event-types.js';

/** Injection token of the service's `Config`. */
export const CONFIG = Symbol('CONFIG');

/** A claim outlasts the time in which its delivery may be handed to Kafka by this much, in ms. */
const LEASE_MARGIN_MS = 8000;

const GEMINI_URL = 'https://generativelanguage.googleapis.com';

/** The environment, one variable a line. Defaults are those of production. */
const environment = z.object({
  /** Public listener: Gemini's webhooks and nothing else. 0 lets the kernel choose. */
  PORT: port(8080),
  /** Internal listener: REST, health, metrics. 0 lets the kernel choose. */
  INTERNAL_PORT: port(8081),
  /** Unset: all addresses, those of IPv6 as well where there are any. */
  HOST: z.string().min(1).optional(),
  /** Base of the URLs that Gemini is given; https unless loopback. */
  PUBLIC_URL: z.string().optional(),

  KAFKA_BROKERS: commaList(z.string().regex(/^[^:\s]+:\d{1,5}$/, 'want host:port')),
  KAFKA_CLIENT_ID: z.string().min(1).default('gemini-kafka-bridge'),
  KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'])
    .optional(),
  KAFKA_SASL_USERNAME: z.string().min(1).optional(),
  KAFKA_SASL_PASSWORD: z.string().min(1).optional(),
  KAFKA_SASL_PASSWORD_FILE: file().optional(),
  /** OAUTHBEARER: a file that something else keeps fresh, read at each login. */
  KAFKA_SASL_TOKEN_FILE: file().optional(),
  KAFKA_TLS: flag().optional(),
  KAFKA_TLS_CA_FILE: file().optional(),
  KAFKA_TLS_CERT_FILE: file().optional(),
  KAFKA_TLS_KEY_FILE: file().optional(),

  TOPIC_PREFIX: z
    .string()
    .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'want 1-64 letters, digits, - or _')
    .default('gemini'),
  TOPICS_MODE: z.enum(['create', 'check']).default('create'),
  TOPIC_PARTITIONS: count(1, 1000, 6),
  TOPIC_REPLICATION: count(1, 32, 3),
  TOPIC_MIN_ISR: count(1, 32, 2),
  TOPIC_RETENTION_HOURS: count(1, 87_600, 168),
  /** Records waiting for Kafka, in this process; more are answered 503. */
  PUBLISH_QUEUE_MAX: count(1, 1_000_000, 10_000),

  /** Secrets of static webhooks, newest first; two are live during a rotation. */
  WEBHOOK_SECRETS: z.string().optional(),
  WEBHOOK_SECRETS_FILE: file().optional(),
  /** Keys that seal the secrets of the webhooks that the bridge manages, newest first. */
  VAULT_KEYS_FILE: file().optional(),
  /** Where they are kept; unset: in Redis. */
  VAULT_FILE: z.string().min(1).optional(),
  VAULT_KUBERNETES_SECRET: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9.-]{0,252}$/,
      'want the name of a Secret in the own namespace',
    )
    .optional(),
  JWKS_URL: z.url().default(`${GEMINI_URL}/.well-known/jwks.json`),
  /** How long keys, Google's and the issuer's, are trusted while they cannot be read. */
  JWKS_STALE_HOURS: count(1, 720, 24),
  /** Expected `aud` of token deliveries; unset refuses them, `unchecked` takes any. */
  JWT_AUDIENCE: z.string().min(1).optional(),
  JWT_ISSUER: z.string().min(1).optional(),
  JWT_MAX_AGE_SECONDS: count(1, 86_400, 300),
  /** Assumption: no token has been seen; the claim that would hold the body's SHA-256. */
  JWT_BODY_HASH_CLAIM: z.string().min(1).default('body_sha256'),
  JWT_UNBOUND_BODY: z.enum(['confirm', 'refuse']).default('confirm'),
  CAPABILITY_KEYS_FILE: file().optional(),

  REDIS_URL: z
    .string()
    .refine(
      isRedisUrl,
      'want redis://[user:password@]host:6379[/db], or a form of the README',
    )
    .optional(),
  /** Of all keys: bridges that share a Redis need one each. */
  REDIS_KEY_PREFIX: z
    .string()
    .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'want 1-64 letters, digits, - or _')
    .default('gemini-bridge'),
  /** The password that goes with the URL, which then has none. */
  REDIS_PASSWORD_FILE: file().optional(),
  REDIS_TLS_CA_FILE: file().optional(),
  DEDUPE_STORE: z.enum(['log', 'redis', 'memory']).default('log'),
  DEDUPE_TTL_HOURS: count(25, 8760, 72),
  /** Unset: `refuse` with the log, which promises no repeat, `publish` with Redis. */
  DEDUPE_ON_ERROR: z.enum(['publish', 'refuse']).optional(),
  DEDUPE_MEMORY_MAX: count(1, 100_000_000, 1_000_000),
  ACK_BUDGET_MS: count(100, 60_000, 4000),

  GEMINI_API_KEY: z.string().min(1).optional(),
  GEMINI_API_KEY_FILE: file().optional(),
  GEMINI_URL: z.url().default(GEMINI_URL),

  /** Static webhooks that there shall be, as JSON: `[{"name", "events"?, "url"?}]`. */
  WEBHOOKS: declared().optional(),
  WEBHOOKS_MODE: z.enum(['ensure', 'report', 'off']).default('ensure'),
  WEBHOOKS_INTERVAL_SECONDS: count(1, 86_400, 300),
  /** Tells this installation's webhooks from those of others in the project. */
  WEBHOOKS_OWNER: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'want 1-64 letters, digits, ., _ or -')
    .optional(),
  /** How often a webhook that Gemini has disabled is enabled again; 0: never. */
  WEBHOOKS_REVIVE_MAX: count(0, 100, 5),
  /** 0: only when told to. */
  ROTATE_EVERY_DAYS: count(0, 3650, 0),

  /** How long a job is remembered after its end. */
  JOB_RETENTION_HOURS: count(1, 8760, 168),
  /** When Gemini is asked about a job that nobody has heard of; the older it is, the rarer. */
  JOB_LOOK_AFTER_SECONDS: count(1, 86_400, 300),
  /** How long a submission without an answer is looked for before it counts as not taken. */
  JOB_SETTLE_SECONDS: count(1, 86_400, 120),
  /** When a job that cannot be looked for stays unknown for good: Gemini delivers for 24 hours. */
  JOB_GIVE_UP_SECONDS: count(1, 864_000, 93_600),
  /** Questions to Gemini about jobs, by all replicas together. */
  JOB_CALLS_PER_MINUTE: count(1, 100_000, 60),

  API_TOKENS_FILE: file().optional(),
  /** Its tokens are checked with the keys that its discovery document leads to. */
  API_OIDC_ISSUER: z.string().optional(),
  API_OIDC_AUDIENCE: z.string().min(1).optional(),
  /** What a token without a claim of scopes may do, if its `sub` is one of the subjects. */
  API_OIDC_SCOPES: commaList(z.string().pipe(z.enum(SCOPES))).optional(),
  API_OIDC_SUBJECTS: commaList(
    z
      .string()
      .regex(/^([\x20-)+-\x7e]+\*?|\*)$/, 'want subjects, * only at the end of one'),
  ).optional(),
  API_AUTH: z.literal('none', 'the only value is none').optional(),
  /** Calls of each caller; 0 for no limit. */
  API_RATE_PER_MINUTE: count(0, 1_000_000, 600),

  /** From SIGTERM to the end of the process, whatever still hangs. */
  SHUTDOWN_TIMEOUT_MS: count(100, 600_000, 20_000),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
});

const COLLECTOR = { protocol: /^https?$/, error: 'want http://host:4318' };

/**
 * Tracing, by OpenTelemetry's own names. What decides whether there is any is read here, the rest
 * (headers, sampler, resource, batches) by OpenTelemetry.
 *
 * @see https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
const telemetry = z.object({
  OTEL_SDK_DISABLED: z.string().optional(),
  OTEL_TRACES_EXPORTER: z.enum(['otlp', 'none']).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url(COLLECTOR).optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.url(COLLECTOR).optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.enum(['http/protobuf', 'http/json']).optional(),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: z.enum(['http/protobuf', 'http/json']).optional(),
});

type Environment = z.output<typeof environment> & z.output<typeof telemetry>;

/** Every variable that the service reads: the README and the chart are held against it. */
export const VARIABLES: readonly string[] = Object.keys(environment.shape);

type Given = Readonly<Partial<Record<keyof Environment, string>>>;

/** What belongs together and is wrong only in combination; on the text, so that it is named beside the rest. */
function* combinedFaults(env: Given): Generator<string> {
  if (env.PUBLIC_URL && !isBaseUrl(env.PUBLIC_URL)) {
    yield 'PUBLIC_URL: want https://host[/path] (Gemini delivers to nothing else; http is for loopback)';
  }
  if (Number(env.TOPIC_MIN_ISR ?? 2) > Number(env.TOPIC_REPLICATION ?? 3)) {
    yield 'TOPIC_MIN_ISR: is larger than TOPIC_REPLICATION: nothing could be written';
  }
  const proofs = [
    env.WEBHOOK_SECRETS,
    env.WEBHOOK_SECRETS_FILE,
    env.VAULT_KEYS_FILE,
    env.CAPABILITY_KEYS_FILE,
  ];
  if (!proofs.some(Boolean)) {
    yield 'WEBHOOK_SECRETS: set it, WEBHOOK_SECRETS_FILE or VAULT_KEYS_FILE (static webhooks), or CAPABILITY_KEYS_FILE (dynamic ones): without any, no delivery could be verified';
  }
  yield* vaultFaults(env);
  yield* webhookFaults(env);
  yield* memoryFaults(env);
  yield* accessFaults(env);
  if (env.GEMINI_API_KEY ?? env.GEMINI_API_KEY_FILE) {
    for (const name of ['PUBLIC_URL', 'CAPABILITY_KEYS_FILE'] as const) {
      if (!env[name]) yield `${name}: submitting jobs (GEMINI_API_KEY) needs it`;
    }
  }
  const key = credential(env.GEMINI_API_KEY, env.GEMINI_API_KEY_FILE);
  if (key && !isApiKey(key.value)) {
    yield 'GEMINI_API_KEY: want one key, visible ASCII on a single line';
  }
  if (Boolean(env.KAFKA_TLS_CERT_FILE) !== Boolean(env.KAFKA_TLS_KEY_FILE)) {
    yield 'KAFKA_TLS_CERT_FILE: goes together with KAFKA_TLS_KEY_FILE';
  }
  yield* saslFaults(env);
}

function* memoryFaults(env: Given): Generator<string> {
  const store = env.DEDUPE_STORE ?? 'log';
  if (store === 'redis' && !env.REDIS_URL) {
    yield 'REDIS_URL: DEDUPE_STORE=redis needs it';
  }
  yield* redisFaults(env);
  const window = Number(env.DEDUPE_TTL_HOURS ?? 72);
  if (store === 'log' && Number(env.TOPIC_RETENTION_HOURS ?? 168) < window) {
    yield `TOPIC_RETENTION_HOURS: is shorter than DEDUPE_TTL_HOURS (${window}): the topics are the memory (DEDUPE_STORE=log)`;
  }
}

function* redisFaults(env: Given): Generator<string> {
  for (const name of ['PASSWORD_FILE', 'TLS_CA_FILE'] as const) {
    if (env[`REDIS_${name}`] && !env.REDIS_URL) yield `REDIS_URL: REDIS_${name} needs it`;
  }
  if (env.REDIS_PASSWORD_FILE && /:[^/@]+@/.test(env.REDIS_URL ?? '')) {
    yield 'REDIS_PASSWORD_FILE: REDIS_URL has a password as well: leave one of them out';
  }
  if (env.REDIS_TLS_CA_FILE && env.REDIS_URL && !env.REDIS_URL.startsWith('rediss')) {
    yield 'REDIS_TLS_CA_FILE: REDIS_URL does not speak TLS: want rediss://';
  }
}

function* vaultFaults(env: Given): Generator<string> {
  const places = ['VAULT_FILE', 'VAULT_KUBERNETES_SECRET'] as const;
  const [place, other] = places.filter((name) => env[name]);
  if (place && !env.VAULT_KEYS_FILE) {
    yield `VAULT_KEYS_FILE: ${place} needs it: what is kept there is sealed`;
  }
  if (place && other) yield `${other}: contradicts ${place}: unset one of them`;
  if (env.VAULT_KEYS_FILE && !place && !env.REDIS_URL) {
    yield 'VAULT_FILE: set it, VAULT_KUBERNETES_SECRET or REDIS_URL: the sealed secrets have to be kept somewhere';
  }
}

function* webhookFaults(env: Given): Generator<string> {
  if (!env.WEBHOOKS || env.WEBHOOKS_MODE === 'off') return;
  if (!(env.GEMINI_API_KEY ?? env.GEMINI_API_KEY_FILE)) {
    yield 'GEMINI_API_KEY: WEBHOOKS needs it';
  }
  if ((env.WEBHOOKS_MODE ?? 'ensure') === 'ensure' && !env.VAULT_KEYS_FILE) {
    yield 'VAULT_KEYS_FILE: WEBHOOKS needs it, for the secrets (or WEBHOOKS_MODE=report)';
  }
}

function* accessFaults(env: Given): Generator<string> {
  if (!env.API_TOKENS_FILE && !env.API_OIDC_ISSUER && !env.API_AUTH) {
    yield 'API_TOKENS_FILE: set it or API_OIDC_ISSUER, or API_AUTH=none to leave /v1 open to the cluster';
  }
  if (env.API_AUTH && (env.API_TOKENS_FILE || env.API_OIDC_ISSUER)) {
    yield 'API_AUTH: none contradicts API_TOKENS_FILE and API_OIDC_ISSUER: unset it or them';
  }
  if (env.API_OIDC_ISSUER && !isBaseUrl(env.API_OIDC_ISSUER)) {
    yield 'API_OIDC_ISSUER: want https://host[/path], as its tokens have it in iss (http is for loopback)';
  }
  if (env.API_OIDC_ISSUER && !env.API_OIDC_AUDIENCE) {
    yield 'API_OIDC_AUDIENCE: API_OIDC_ISSUER needs it: a token for somebody else must not pass';
  }
  for (const name of ['AUDIENCE', 'SCOPES', 'SUBJECTS'] as const) {
    if (env[`API_OIDC_${name}`] && !env.API_OIDC_ISSUER) {
      yield `API_OIDC_ISSUER: API_OIDC_${name} is set, so say of whom`;
    }
  }
  if (Boolean(env.API_OIDC_SCOPES) !== Boolean(env.API_OIDC_SUBJECTS)) {
    yield 'API_OIDC_SUBJECTS: goes together with API_OIDC_SCOPES: who gets them (* for every token of the issuer and audience)';
  }
}

function* saslFaults(env: Given): Generator<string> {
  const mechanism = env.KAFKA_SASL_MECHANISM;
  if (mechanism === 'oauthbearer') {
    if (!env.KAFKA_SASL_TOKEN_FILE) yield 'KAFKA_SASL_TOKEN_FILE: oauthbearer needs it';
  } else if (mechanism) {
    if (!env.KAFKA_SASL_USERNAME) yield 'KAFKA_SASL_USERNAME: the mechanism needs it';
    if (!env.KAFKA_SASL_PASSWORD && !env.KAFKA_SASL_PASSWORD_FILE) {
      yield 'KAFKA_SASL_PASSWORD: the mechanism needs it, or KAFKA_SASL_PASSWORD_FILE';
    }
  } else if (env.KAFKA_SASL_USERNAME) {
    yield 'KAFKA_SASL_MECHANISM: KAFKA_SASL_USERNAME is set, so say which mechanism';
  }
}

/** What the rest of the code sees: grouped by consumer, units in the names. */
export type Config = ReturnType<typeof group>;

function group(env: Environment) {
  const publicUrl = env.PUBLIC_URL?.replace(/\/+$/, '');
  return Object.freeze({
    server: { port: env.PORT, internalPort: env.INTERNAL_PORT, host: env.HOST },
    publicUrl,
    ackBudgetMs: env.ACK_BUDGET_MS,
    shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT_MS,
    logLevel: env.LOG_LEVEL,
    tracing: tracingBy(env),
    kafka: {
      brokers: env.KAFKA_BROKERS,
      clientId: env.KAFKA_CLIENT_ID,
      queueMax: env.PUBLISH_QUEUE_MAX,
      sasl: kafkaSasl(env),
      tls: kafkaTls(env),
    },
    redis: redis(env),
    topics: {
      prefix: env.TOPIC_PREFIX,
      mode: env.TOPICS_MODE,
      partitions: env.TOPIC_PARTITIONS,
      replication: env.TOPIC_REPLICATION,
      minIsr: env.TOPIC_MIN_ISR,
      retentionHours: env.TOPIC_RETENTION_HOURS,
    },
    signature: {
      secrets: env.WEBHOOK_SECRETS,
      secretsFile: env.WEBHOOK_SECRETS_FILE,
      capabilityKeysFile: env.CAPABILITY_KEYS_FILE,
      jwksUrl: env.JWKS_URL,
      jwksStaleMs: env.JWKS_STALE_HOURS * 3_600_000,
    },
    vault: {
      keysFile: env.VAULT_KEYS_FILE,
      file: env.VAULT_FILE,
      kubernetesSecret: env.VAULT_KUBERNETES_SECRET,
    },
    token: {
      audience: env.JWT_AUDIENCE,
      issuer: env.JWT_ISSUER,
      maxAgeSeconds: env.JWT_MAX_AGE_SECONDS,
      bodyHashClaim: env.JWT_BODY_HASH_CLAIM,
      unboundBody: env.JWT_UNBOUND_BODY,
    },
    dedupe: {
      store: env.DEDUPE_STORE,
      ttlMs: env.DEDUPE_TTL_HOURS * 3_600_000,
      /** How long a claim holds that nobody renews, in ms: the wait after a replica's death. */
      leaseMs: env.ACK_BUDGET_MS + LEASE_MARGIN_MS,
      onError: env.DEDUPE_ON_ERROR ?? (env.DEDUPE_STORE === 'log' ? 'refuse' : 'publish'),
      memoryMax: env.DEDUPE_MEMORY_MAX,
    },
    gemini: gemini(env),
    webhooks: {
      declared: (env.WEBHOOKS ?? []).map(({ name, events, url }) => ({
        name,
        events,
        uri: url ?? `${publicUrl ?? ''}/webhooks/gemini`,
      })),
      mode: env.WEBHOOKS === undefined ? ('off' as const) : env.WEBHOOKS_MODE,
      intervalMs: env.WEBHOOKS_INTERVAL_SECONDS * 1000,
      owner: env.WEBHOOKS_OWNER ?? ownerIn(env.PUBLIC_URL),
      reviveMax: env.WEBHOOKS_REVIVE_MAX,
      rotateEveryMs: env.ROTATE_EVERY_DAYS * 86_400_000,
    },
    jobs: {
      retentionMs: env.JOB_RETENTION_HOURS * 3_600_000,
      lookAfterMs: env.JOB_LOOK_AFTER_SECONDS * 1000,
      settleMs: env.JOB_SETTLE_SECONDS * 1000,
      giveUpMs: env.JOB_GIVE_UP_SECONDS * 1000,
      callsPerMinute: env.JOB_CALLS_PER_MINUTE,
    },
    access: {
      tokensFile: env.API_TOKENS_FILE,
      oidc:
        env.API_OIDC_ISSUER === undefined
          ? undefined
          : {
              issuer: env.API_OIDC_ISSUER,
              audience: env.API_OIDC_AUDIENCE ?? '',
              scopes: env.API_OIDC_SCOPES ?? [],
              subjects: env.API_OIDC_SUBJECTS ?? [],
              keysStaleMs: env.JWKS_STALE_HOURS * 3_600_000,
            },
      open: env.API_AUTH === 'none',
      ratePerMinute: env.API_RATE_PER_MINUTE,
    },
  });
}

/** What is set for other signals, or for nobody, is no concern of ours. */
function isTraced(env: Readonly<Record<string, unknown>>): boolean {
  const { OTEL_SDK_DISABLED: disabled, OTEL_TRACES_EXPORTER: exporter } = env;
  if (exporter === 'none' || /^true$/i.test(String(disabled))) return false;
  return Boolean(
    exporter ??
    env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ??
    env['OTEL_EXPORTER_OTLP_ENDPOINT'],
  );
}

function tracingBy(env: Environment): 'off' | 'http/protobuf' | 'http/json' {
  if (!isTraced(env)) return 'off';
  const { OTEL_EXPORTER_OTLP_PROTOCOL: general = 'http/protobuf' } = env;
  return env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? general;
}

/** Credentials are getters: each connection that is made has what the file says then. */
function kafkaSasl(env: Environment) {
  if (env.KAFKA_SASL_MECHANISM === undefined) return undefined;
  const password = credential(env.KAFKA_SASL_PASSWORD, env.KAFKA_SASL_PASSWORD_FILE);
  const token = credential(undefined, env.KAFKA_SASL_TOKEN_FILE);
  return {
    mechanism: env.KAFKA_SASL_MECHANISM,
    username: env.KAFKA_SASL_USERNAME ?? '',
    get password() {
      return password?.value ?? '';
    },
    get token() {
      return token?.value ?? '';
    },
  };
}

function kafkaTls(env: Environment) {
  const ca = credential(undefined, env.KAFKA_TLS_CA_FILE);
  const cert = credential(undefined, env.KAFKA_TLS_CERT_FILE);
  const key = credential(undefined, env.KAFKA_TLS_KEY_FILE);
  if (!(env.KAFKA_TLS ?? Boolean(ca ?? cert))) return undefined;
  return {
    get ca() {
      return ca?.value;
    },
    get cert() {
      return cert?.value;
    },
    get key() {
      return key?.value;
    },
  };
}

/** Where Redis is, and what proves who we are. */
export interface RedisAccess {
  readonly url: string;
  /** `gemini-bridge` when absent. */
  readonly keyPrefix?: string;
  /** Undefined: the one in the URL, if there is one. */
  readonly password?: string | undefined;
  /** PEM; undefined: what the system trusts. */
  readonly ca?: string | undefined;
}

function redis(env: Environment): RedisAccess | undefined {
  if (env.REDIS_URL === undefined) return undefined;
  const password = credential(undefined, env.REDIS_PASSWORD_FILE);
  const ca = credential(undefined, env.REDIS_TLS_CA_FILE);
  return {
    url: env.REDIS_URL,
    keyPrefix: env.REDIS_KEY_PREFIX,
    get password() {
      return password?.value;
    },
    get ca() {
      return ca?.value;
    },
  };
}

function gemini(env: Environment) {
  const key = credential(env.GEMINI_API_KEY, env.GEMINI_API_KEY_FILE, isApiKey);
  return {
    url: env.GEMINI_URL.replace(/\/+$/, ''),
    get apiKey() {
      return key?.value;
    },
  };
}

/**
 * Reads the environment once. `main.ts` is the only caller that passes `process.env`.
 * An empty variable counts as unset, as it does in a chart's template.
 *
 * @throws {ConfigError} naming every bad variable, so that one restart mends them all.
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value));
  const parsed = (
    isTraced(given) ? environment.extend(telemetry.shape) : environment
  ).safeParse(given);
  const issues = parsed.error?.issues ?? [];
  const faults = [
    ...issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
    ...combinedFaults(given),
  ];
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults);
  return group(parsed.data);
}

/** The environment cannot be used; the message lists every fault, never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly faults: readonly string[]) {
    super(`bad environment\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  }
}

/** Each is one webhook of the project; all events when none are named. */
function declared() {
  const webhook = z.strictObject({
    name: z.string().regex(/^[A-Za-z0-9 ._-]{1,64}$/, 'want 1-64 letters, digits, . _ -'),
    events: z
      .array(z.string())
      .min(1)
      .refine((events) => !GUIDE_ONLY.some((event) => events.includes(event)), {
        message: `Gemini takes no subscription to ${GUIDE_ONLY.join(' and ')}`,
      })
      .default([...EVENT_TYPES]),
    url: z.string().refine(isBaseUrl, 'want https://host/path').optional(),
  });
  return z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'want JSON: [{"name": "main"}]' });
        return z.NEVER;
      }
    })
    .pipe(z.array(webhook).min(1).refine(areApart, 'a name is there twice'));
}

function areApart(all: readonly { readonly name: string }[]): boolean {
  return new Set(all.map(({ name }) => name)).size === all.length;
}

/** What a public address says of whose it is, in the characters of an owner. */
function ownerIn(publicUrl = ''): string {
  const { host, pathname } = new URL(publicUrl || 'https://nowhere');
  return `${host}${pathname}`.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/-+$/, '');
}

function port(preset: number) {
  return count(0, 65_535, preset);
}

function count(min: number, max: number, preset: number) {
  return z
    .string()
    .regex(/^\d{1,9}$/, 'want a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .default(preset);
}

function flag() {
  return z.enum(['true', 'false']).transform((value) => value === 'true');
}

function file() {
  return z
    .string()
    .refine(isFile, 'no such file')
    .refine((path) => !isFile(path) || hasText(path), 'is empty, or cannot be read');
}

function hasText(path: string): boolean {
  try {
    return readFileSync(path, 'utf8').trim() !== '';
  } catch {
    return false;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function commaList<T extends z.ZodType<string, string>>(item: T) {
  return z
    .string()
    .transform((list) => list.split(',').map((entry) => entry.trim()))
    .pipe(z.array(item));
}

/** The given text, or what the file says; undefined without either, or without a file that can be used. */
function credential(
  text: string | undefined,
  path: string | undefined,
  isUsable?: (text: string) => boolean,
): { readonly value: string } | undefined {
  if (text !== undefined) return { value: text };
  return path !== undefined && isFile(path) && hasText(path)
    ? new CredentialFile(path, isUsable)
    : undefined;
}

function isApiKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/**
 * What ioredis would do with another text is guesswork: it takes a password from a query, and shows
 * the whole of what it does not understand.
 */
function isRedisUrl(text: string): boolean {
  const host = String.raw`(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])`;
  const login = '(?:[^/?#@\\s]*@)?';
  const one = `^rediss?://${login}${host}(?::\\d{1,5})?(?:/\\d{0,5})?$`;
  const hosts = `${host}:\\d{1,5}(?:,${host}:\\d{1,5})*`;
  const several = `^rediss?\\+(?:sentinel://${login}${hosts}(?:/[\\w.-]+(?:/\\d{1,5})?)?|cluster://${login}${hosts})/?$`;
  return new RegExp(one).test(text) || new RegExp(several).test(text);
}

function isBaseUrl(text: string): boolean {
  if (!isSecureUrl(text)) return false;
  const { search, hash } = new URL(text);
  return search === '' && hash === '';
}

/** True for https, and for http on loopback; never with a user and password in it. */
export function isSecureUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  const isLoopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
  const isServed = protocol === 'https:' || (protocol === 'http:' && isLoopback);
  return isServed && username === '' && password === '';
}
