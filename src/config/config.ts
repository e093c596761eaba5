import { credential, isApiKey } from './credential-file.js';
import { combinedProblems } from './cross-checks.js';
import { environment, telemetry, type Environment, type Given } from './environment.js';
import type { Reader } from './forms.js';
import { ConfigError, problemOf, type Problem } from './problem.js';
import { STATIC_ROUTE } from '../events/webhook-routes.js';

/** Injection token of the service's `Config`. */
export const CONFIG = Symbol('CONFIG');

/** A claim outlasts the time in which its delivery may be handed to Kafka by this much, in ms. */
const LEASE_MARGIN_MS = 8000;

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
        uri: url ?? `${publicUrl ?? ''}${STATIC_ROUTE}`,
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
 * Reads the environment. It does not parse secrets, tokens, keys and certificates:
 * `startup/validate-environment` does.
 *
 * @throws {ConfigError} with every problem.
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const given = givenIn(env);
  const problems: Problem[] = [];
  const read = readAll(given, problems);
  problems.push(...combinedProblems(given));
  if (problems.length > 0) throw new ConfigError(problems);
  return group(read);
}

/** The variables that are set. An empty one counts as unset, because charts render unset values so. */
export function givenIn(env: NodeJS.ProcessEnv): Given {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value));
}

/** @param problems receives those of single settings; with any, the result is incomplete. */
function readAll(given: Given, problems: Problem[]): Environment {
  const readers: Readonly<Record<string, Reader<unknown>>> = isTraced(given)
    ? { ...environment, ...telemetry }
    : environment;
  const read = Object.entries(readers).map(([setting, reader]) => {
    try {
      return [setting, reader(given[setting as keyof Given])];
    } catch (error) {
      problems.push(problemOf(setting, error));
      return [setting, undefined];
    }
  });
  return Object.fromEntries(read) as Environment;
}

/** What a public address says of whose it is, in the characters of an owner. */
function ownerIn(publicUrl = ''): string {
  const { host, pathname } = new URL(publicUrl || 'https://nowhere');
  return `${host}${pathname}`.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/-+$/, '');
}
