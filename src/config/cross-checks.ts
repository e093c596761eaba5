import { credential, isApiKey } from './credential-file.js';
import { isBaseUrl } from './parsers.js';
import type { Given } from './environment.js';

/** What belongs together and is wrong only in combination; on the text, so that it is named beside the rest. */
export function* combinedFaults(env: Given): Generator<string> {
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
