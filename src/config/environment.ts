import {
  BROKER,
  HTTP_URL,
  ISSUER_URL,
  PUBLIC_BASE_URL,
  REDIS_ADDRESS,
} from './addresses.js';
import { SCOPES } from './api-scopes.js';
import {
  commaList,
  FILE,
  FLAG,
  matching,
  oneOf,
  optional,
  PORT_NUMBER,
  required,
  TEXT,
  whole,
  withDefault,
  type Reader,
} from './forms.js';
import { WEBHOOK_LIST } from './webhook-list.js';

const GEMINI_URL = 'https://generativelanguage.googleapis.com';
const SECRET_NAME = matching(
  /^[a-z0-9][a-z0-9.-]{0,252}$/,
  'the name of a Secret in the namespace of the pod',
);
const OWNER = matching(/^[A-Za-z0-9._-]{1,64}$/, '1 to 64 letters, digits, . _ or -');
const PREFIX = matching(/^[a-zA-Z0-9_-]{1,64}$/, '1 to 64 letters, digits, - or _');
const SUBJECT = matching(
  /^([\x20-)+-\x7e]+\*?|\*)$/,
  'a subject of visible ASCII, with * only as its last character',
);

/** Every variable and how it is read. Defaults are those of production. */
export const environment = {
  /** Public listener, for Gemini's webhooks only. 0 lets the kernel choose. */
  PORT: withDefault(PORT_NUMBER, 8080),
  /** Internal listener: REST, health, metrics. 0 lets the kernel choose. */
  INTERNAL_PORT: withDefault(PORT_NUMBER, 8081),
  /** Unset: all addresses, IPv6 included. */
  HOST: optional(TEXT),
  /** Base of the URLs that Gemini is given. */
  PUBLIC_URL: optional(PUBLIC_BASE_URL),

  KAFKA_BROKERS: required(
    commaList(BROKER),
    'set it to the brokers of your Kafka cluster',
  ),
  KAFKA_CLIENT_ID: withDefault(TEXT, 'gemini-kafka-bridge'),
  KAFKA_SASL_MECHANISM: optional(
    oneOf('plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'),
  ),
  KAFKA_SASL_USERNAME: optional(TEXT),
  KAFKA_SASL_PASSWORD: optional(TEXT),
  KAFKA_SASL_PASSWORD_FILE: optional(FILE),
  /** For `oauthbearer`. Read at each login: another process renews the token. */
  KAFKA_SASL_TOKEN_FILE: optional(FILE),
  KAFKA_TLS: optional(FLAG),
  KAFKA_TLS_CA_FILE: optional(FILE),
  KAFKA_TLS_CERT_FILE: optional(FILE),
  KAFKA_TLS_KEY_FILE: optional(FILE),

  TOPIC_PREFIX: withDefault(PREFIX, 'gemini'),
  TOPICS_MODE: withDefault(oneOf('create', 'check'), 'create'),
  TOPIC_PARTITIONS: withDefault(whole(1, 1000), 6),
  TOPIC_REPLICATION: withDefault(whole(1, 32), 3),
  TOPIC_MIN_ISR: withDefault(whole(1, 32), 2),
  TOPIC_RETENTION_HOURS: withDefault(whole(1, 87_600), 168),
  /** Records that wait for Kafka in this process. Deliveries above it are answered 503. */
  PUBLISH_QUEUE_MAX: withDefault(whole(1, 1_000_000), 10_000),

  /** Secrets of static webhooks, newest first. During a rotation two are valid. */
  WEBHOOK_SECRETS: optional(TEXT),
  WEBHOOK_SECRETS_FILE: optional(FILE),
  /** Keys that encrypt the secrets of managed webhooks, newest first. */
  VAULT_KEYS_FILE: optional(FILE),
  /** File for the encrypted secrets. Unset: they are in Redis. */
  VAULT_FILE: optional(TEXT),
  VAULT_KUBERNETES_SECRET: optional(SECRET_NAME),
  JWKS_URL: withDefault(HTTP_URL, `${GEMINI_URL}/.well-known/jwks.json`),
  /** How long the keys of Google and of the issuer stay valid while they cannot be read. */
  JWKS_STALE_HOURS: withDefault(whole(1, 720), 24),
  /** Expected `aud` of JWT deliveries. Unset refuses them; `unchecked` accepts any. */
  JWT_AUDIENCE: optional(TEXT),
  JWT_ISSUER: optional(TEXT),
  JWT_MAX_AGE_SECONDS: withDefault(whole(1, 86_400), 300),
  /** Claim with the SHA-256 of the body. An assumption: no such token has been seen. */
  JWT_BODY_HASH_CLAIM: withDefault(TEXT, 'body_sha256'),
  JWT_UNBOUND_BODY: withDefault(oneOf('confirm', 'refuse'), 'confirm'),
  CAPABILITY_KEYS_FILE: optional(FILE),

  REDIS_URL: optional(REDIS_ADDRESS),
  /** Prefix of all keys. Bridges that share a Redis need different ones. */
  REDIS_KEY_PREFIX: withDefault(PREFIX, 'gemini-bridge'),
  /** Password of Redis, if the URL has none. */
  REDIS_PASSWORD_FILE: optional(FILE),
  REDIS_TLS_CA_FILE: optional(FILE),
  DEDUPE_STORE: withDefault(oneOf('log', 'redis', 'memory'), 'log'),
  DEDUPE_TTL_HOURS: withDefault(
    whole(25, 8760, 'Gemini redelivers an event for 24 hours'),
    72,
  ),
  /** Unset: `refuse` with the log store, which promises no duplicates, otherwise `publish`. */
  DEDUPE_ON_ERROR: optional(oneOf('publish', 'refuse')),
  DEDUPE_MEMORY_MAX: withDefault(whole(1, 100_000_000), 1_000_000),
  ACK_BUDGET_MS: withDefault(whole(100, 60_000), 4000),

  GEMINI_API_KEY: optional(TEXT),
  GEMINI_API_KEY_FILE: optional(FILE),
  GEMINI_URL: withDefault(HTTP_URL, GEMINI_URL),

  /** Static webhooks that the bridge registers, as JSON: `[{"name", "events"?, "url"?}]`. */
  WEBHOOKS: optional(WEBHOOK_LIST),
  WEBHOOKS_MODE: withDefault(oneOf('ensure', 'report', 'off'), 'ensure'),
  WEBHOOKS_INTERVAL_SECONDS: withDefault(whole(1, 86_400), 300),
  /** Distinguishes this installation's webhooks from others in the project. */
  WEBHOOKS_OWNER: optional(OWNER),
  /** How often a webhook that Gemini disabled is enabled again; 0: never. */
  WEBHOOKS_REVIVE_MAX: withDefault(whole(0, 100), 5),
  /** Age at which a secret is rotated; 0: never by itself. */
  ROTATE_EVERY_DAYS: withDefault(whole(0, 3650), 0),

  /** How long a job is kept after its end. */
  JOB_RETENTION_HOURS: withDefault(whole(1, 8760), 168),
  /** Time without news after which Gemini is asked about a job; the older, the less often. */
  JOB_LOOK_AFTER_SECONDS: withDefault(whole(1, 86_400), 300),
  /** How long a submission without an answer is searched for before it is marked failed. */
  JOB_SETTLE_SECONDS: withDefault(whole(1, 86_400), 120),
  /** When an unresolved submission stays `unknown` permanently. Gemini delivers for 24 hours. */
  JOB_GIVE_UP_SECONDS: withDefault(whole(1, 864_000), 93_600),
  /** Calls to Gemini about jobs, by all replicas together. */
  JOB_CALLS_PER_MINUTE: withDefault(whole(1, 100_000), 60),

  API_TOKENS_FILE: optional(FILE),
  /** OIDC issuer. Its discovery document names the keys that verify its tokens. */
  API_OIDC_ISSUER: optional(ISSUER_URL),
  API_OIDC_AUDIENCE: optional(TEXT),
  /** Scopes of a token that has no scope claim, if its `sub` is one of the subjects. */
  API_OIDC_SCOPES: optional(commaList(oneOf(...SCOPES))),
  API_OIDC_SUBJECTS: optional(commaList(SUBJECT)),
  API_AUTH: optional(oneOf('none')),
  /** Calls of each caller; 0: no limit. */
  API_RATE_PER_MINUTE: withDefault(whole(0, 1_000_000), 600),

  /** Maximum time from SIGTERM to the end of the process. */
  SHUTDOWN_TIMEOUT_MS: withDefault(whole(100, 600_000), 20_000),
  LOG_LEVEL: withDefault(oneOf('debug', 'info', 'warn', 'error'), 'info'),
} satisfies Record<string, Reader<unknown>>;

const COLLECTOR = matching(/^https?:\/\/[^\s/]/, 'a URL such as http://collector:4318');
const PROTOCOL = oneOf('http/protobuf', 'http/json');

/**
 * Variables of OpenTelemetry that decide whether the bridge traces. OpenTelemetry itself reads the
 * rest: headers, sampler, resource and batches.
 *
 * @see https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
export const telemetry = {
  OTEL_SDK_DISABLED: optional(TEXT),
  OTEL_TRACES_EXPORTER: optional(oneOf('otlp', 'none')),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(COLLECTOR),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: optional(COLLECTOR),
  OTEL_EXPORTER_OTLP_PROTOCOL: optional(PROTOCOL),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: optional(PROTOCOL),
} satisfies Record<string, Reader<unknown>>;

type Readers = typeof environment & typeof telemetry;

/** The variables, read and with their defaults. */
export type Environment = { readonly [Name in keyof Readers]: ReturnType<Readers[Name]> };

/** The texts of the variables that are set. */
export type Given = Readonly<Partial<Record<keyof Environment, string>>>;

/** Every variable of the bridge. Tests compare docs/reference/configuration.md and the chart with it. */
export const VARIABLES: readonly string[] = Object.keys(environment);
