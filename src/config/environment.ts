import { z } from 'zod';
import { SCOPES } from './api-scopes.js';
import { commaList, count, declared, file, flag, isRedisUrl, port } from './parsers.js';

const GEMINI_URL = 'https://generativelanguage.googleapis.com';

/** The environment, one variable a line. Defaults are those of production. */
export const environment = z.object({
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
      'want redis://[user:password@]host:6379[/db], or redis+sentinel:// or redis+cluster://',
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
export const telemetry = z.object({
  OTEL_SDK_DISABLED: z.string().optional(),
  OTEL_TRACES_EXPORTER: z.enum(['otlp', 'none']).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url(COLLECTOR).optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.url(COLLECTOR).optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.enum(['http/protobuf', 'http/json']).optional(),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: z.enum(['http/protobuf', 'http/json']).optional(),
});

/** As it is when every variable has been understood. */
export type Environment = z.output<typeof environment> & z.output<typeof telemetry>;

/** Every variable that the service reads. Tests compare docs/reference/configuration.md and the chart with it. */
export const VARIABLES: readonly string[] = Object.keys(environment.shape);

/** As it was given: faults that only show in combination are looked for beside those of single variables. */
export type Given = Readonly<Partial<Record<keyof Environment, string>>>;
