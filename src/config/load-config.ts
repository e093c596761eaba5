import { STATIC_ROUTE } from '../events/webhook-routes.js';
import type { Config, OidcConfig } from './config.js';
import {
  geminiAccess,
  redisAccess,
  saslCredentials,
  tlsCredentials,
} from './credentials.js';
import { combinedProblems } from './cross-checks.js';
import { environment, telemetry, type Environment, type Given } from './environment.js';
import type { Reader } from './forms.js';
import { ConfigError, problemOf, type Problem } from './problem.js';
import { isTraced, tracingOf } from './tracing-settings.js';

/** Time by which a claim outlasts the time in which its delivery may be handed to Kafka, in ms. */
const LEASE_MARGIN_MS = 8000;

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
  return group(read, kubernetesApiIn(env));
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

function group(env: Environment, kubernetesApi: string | undefined): Config {
  const publicUrl = env.PUBLIC_URL?.replace(/\/+$/, '');
  return Object.freeze({
    server: { port: env.PORT, internalPort: env.INTERNAL_PORT, host: env.HOST },
    publicUrl,
    ackBudgetMs: env.ACK_BUDGET_MS,
    shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT_MS,
    logLevel: env.LOG_LEVEL,
    tracing: tracingOf(env),
    kafka: {
      brokers: env.KAFKA_BROKERS,
      clientId: env.KAFKA_CLIENT_ID,
      queueMax: env.PUBLISH_QUEUE_MAX,
      sasl: saslCredentials(env),
      tls: tlsCredentials(env),
    },
    redis: redisAccess(env),
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
      kubernetesApi,
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
      leaseMs: env.ACK_BUDGET_MS + LEASE_MARGIN_MS,
      onError: env.DEDUPE_ON_ERROR ?? (env.DEDUPE_STORE === 'log' ? 'refuse' : 'publish'),
      memoryMax: env.DEDUPE_MEMORY_MAX,
    },
    gemini: geminiAccess(env),
    webhooks: {
      declared: (env.WEBHOOKS ?? []).map(({ name, events, url }) => ({
        name,
        events,
        uri: url ?? `${publicUrl ?? ''}${STATIC_ROUTE}`,
      })),
      mode: env.WEBHOOKS === undefined ? 'off' : env.WEBHOOKS_MODE,
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
      oidc: oidc(env),
      open: env.API_AUTH === 'none',
      ratePerMinute: env.API_RATE_PER_MINUTE,
    },
  });
}

function oidc(env: Environment): OidcConfig | undefined {
  if (env.API_OIDC_ISSUER === undefined) return undefined;
  return {
    issuer: env.API_OIDC_ISSUER,
    audience: env.API_OIDC_AUDIENCE ?? '',
    scopes: env.API_OIDC_SCOPES ?? [],
    subjects: env.API_OIDC_SUBJECTS ?? [],
    keysStaleMs: env.JWKS_STALE_HOURS * 3_600_000,
  };
}

/** URL of the API server, from the variables that Kubernetes sets in every pod. */
export function kubernetesApiIn(env: NodeJS.ProcessEnv): string | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (!host) return undefined;
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Host and path of the public URL, in the characters that an owner may have. */
function ownerIn(publicUrl = ''): string {
  const { host, pathname } = new URL(publicUrl || 'https://nowhere');
  return `${host}${pathname}`.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/-+$/, '');
}
