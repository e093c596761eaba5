import { isApiKey } from './credentials.js';
import type { Given } from './environment.js';
import { lengthOf } from './forms.js';
import type { Problem } from './problem.js';
import { readSettingFile } from './setting-file.js';

/**
 * Settings that are wrong only in combination. The checks work on the texts, so that they run
 * beside those of single settings and one start names all problems.
 */
export function* combinedProblems(env: Given): Generator<Problem> {
  yield* listenerProblems(env);
  yield* topicProblems(env);
  yield* verificationProblems(env);
  yield* vaultProblems(env);
  yield* webhookProblems(env);
  yield* dedupeProblems(env);
  yield* redisProblems(env);
  yield* accessProblems(env);
  yield* geminiProblems(env);
  yield* kafkaProblems(env);
}

/** A setting that another one needs. */
function missing(setting: string, wants: string, remedy = `set ${setting}`): Problem {
  return { setting, got: 'nothing', wants, remedy };
}

function* listenerProblems(env: Given): Generator<Problem> {
  const port = Number(env.PORT ?? 8080);
  if (port === 0 || port !== Number(env.INTERNAL_PORT ?? 8081)) return;
  yield {
    setting: 'INTERNAL_PORT',
    got: `${port}, which PORT is as well`,
    wants: 'a port of its own for each listener',
    remedy: 'change PORT or INTERNAL_PORT (their defaults are 8080 and 8081)',
  };
}

function* topicProblems(env: Given): Generator<Problem> {
  const minIsr = Number(env.TOPIC_MIN_ISR ?? 2);
  const replication = Number(env.TOPIC_REPLICATION ?? 3);
  if (minIsr <= replication || Number.isNaN(minIsr + replication)) return;
  yield {
    setting: 'TOPIC_MIN_ISR',
    got: `${minIsr}, which is larger than TOPIC_REPLICATION (${replication}), so that Kafka would accept no record`,
    wants: `at most ${replication}`,
    remedy: 'lower TOPIC_MIN_ISR, or raise TOPIC_REPLICATION',
  };
}

function* verificationProblems(env: Given): Generator<Problem> {
  yield* bothGiven(env, 'WEBHOOK_SECRETS', 'WEBHOOK_SECRETS_FILE');
  const isAny =
    env.WEBHOOK_SECRETS ??
    env.WEBHOOK_SECRETS_FILE ??
    env.VAULT_KEYS_FILE ??
    env.CAPABILITY_KEYS_FILE;
  if (isAny !== undefined) return;
  yield missing(
    'WEBHOOK_SECRETS',
    'a way to verify deliveries',
    'set WEBHOOK_SECRETS, WEBHOOK_SECRETS_FILE or VAULT_KEYS_FILE for static webhooks, or CAPABILITY_KEYS_FILE for those of jobs (`keys generate` prints a key)',
  );
}

/** The text of a setting and a file with it. */
function* bothGiven(
  env: Given,
  name: keyof Given,
  file: keyof Given,
): Generator<Problem> {
  if (env[name] === undefined || env[file] === undefined) return;
  yield {
    setting: file,
    got: `a file, although ${name} is set as well`,
    wants: 'one of the two',
    remedy: `unset ${name} or ${file}`,
  };
}

function* vaultProblems(env: Given): Generator<Problem> {
  const places = ['VAULT_FILE', 'VAULT_KUBERNETES_SECRET'] as const;
  const [place, other] = places.filter((name) => env[name] !== undefined);
  if (place && env.VAULT_KEYS_FILE === undefined) {
    yield missing(
      'VAULT_KEYS_FILE',
      `a key file, because ${place} is set and holds encrypted secrets`,
      '`keys generate` prints a key; or unset ' + place,
    );
  }
  if (place && other) {
    yield {
      setting: other,
      got: `a value, although ${place} is set as well`,
      wants: 'one place for the encrypted secrets',
      remedy: `unset ${place} or ${other}`,
    };
  }
  if (env.VAULT_KEYS_FILE !== undefined && !place && env.REDIS_URL === undefined) {
    yield missing(
      'VAULT_FILE',
      'a place for the encrypted secrets, because VAULT_KEYS_FILE is set',
      'set VAULT_FILE (one replica), VAULT_KUBERNETES_SECRET or REDIS_URL',
    );
  }
}

function* webhookProblems(env: Given): Generator<Problem> {
  if (env.WEBHOOKS === undefined || env.WEBHOOKS_MODE === 'off') return;
  if ((env.GEMINI_API_KEY ?? env.GEMINI_API_KEY_FILE) === undefined) {
    yield missing(
      'GEMINI_API_KEY',
      'a key, because WEBHOOKS is set',
      'set GEMINI_API_KEY or GEMINI_API_KEY_FILE, or WEBHOOKS_MODE=off',
    );
  }
  const mode = env.WEBHOOKS_MODE ?? 'ensure';
  if (mode === 'ensure' && env.VAULT_KEYS_FILE === undefined) {
    yield missing(
      'VAULT_KEYS_FILE',
      'a key file, because WEBHOOKS is set and Gemini shows the secret of a webhook once',
      '`keys generate` prints a key; or set WEBHOOKS_MODE=report',
    );
  }
}

function* dedupeProblems(env: Given): Generator<Problem> {
  const store = env.DEDUPE_STORE ?? 'log';
  if (store === 'redis' && env.REDIS_URL === undefined) {
    yield missing('REDIS_URL', 'a Redis, because DEDUPE_STORE=redis');
  }
  const window = Number(env.DEDUPE_TTL_HOURS ?? 72);
  const retention = Number(env.TOPIC_RETENTION_HOURS ?? 168);
  if (store === 'log' && retention < window) {
    yield {
      setting: 'TOPIC_RETENTION_HOURS',
      got: `${retention}, which is shorter than DEDUPE_TTL_HOURS (${window})`,
      wants: `at least ${window}, because with DEDUPE_STORE=log the topics are the memory of published ids`,
      remedy: 'raise TOPIC_RETENTION_HOURS, or lower DEDUPE_TTL_HOURS',
    };
  }
}

function* redisProblems(env: Given): Generator<Problem> {
  for (const name of ['REDIS_PASSWORD_FILE', 'REDIS_TLS_CA_FILE'] as const) {
    if (env[name] !== undefined && env.REDIS_URL === undefined) {
      const remedy = `set REDIS_URL, or unset ${name}`;
      yield missing('REDIS_URL', `a Redis, because ${name} is set`, remedy);
    }
  }
  if (env.REDIS_PASSWORD_FILE !== undefined && /:[^/@]+@/.test(env.REDIS_URL ?? '')) {
    yield {
      setting: 'REDIS_PASSWORD_FILE',
      got: 'a file, although REDIS_URL has a password as well',
      wants: 'one of the two',
      remedy: 'remove the password from REDIS_URL, or unset REDIS_PASSWORD_FILE',
    };
  }
  if (env.REDIS_TLS_CA_FILE !== undefined && env.REDIS_URL?.startsWith('redis:')) {
    yield {
      setting: 'REDIS_TLS_CA_FILE',
      got: 'a file, although REDIS_URL does not use TLS',
      wants: 'REDIS_URL with rediss://',
      remedy: 'write rediss:// in REDIS_URL, or unset REDIS_TLS_CA_FILE',
    };
  }
}

function* accessProblems(env: Given): Generator<Problem> {
  const { API_TOKENS_FILE: tokens, API_OIDC_ISSUER: issuer, API_AUTH: auth } = env;
  if ((tokens ?? issuer ?? auth) === undefined) {
    yield missing(
      'API_TOKENS_FILE',
      'a way to authenticate callers of /v1',
      'set API_TOKENS_FILE or API_OIDC_ISSUER, or API_AUTH=none to leave /v1 open',
    );
  }
  if (auth !== undefined && (tokens ?? issuer) !== undefined) {
    yield {
      setting: 'API_AUTH',
      got: 'a value, although API_TOKENS_FILE or API_OIDC_ISSUER is set as well',
      wants: 'either open or authenticated access to /v1',
      remedy: 'unset API_AUTH, or API_TOKENS_FILE and API_OIDC_ISSUER',
    };
  }
  if (issuer !== undefined && env.API_OIDC_AUDIENCE === undefined) {
    yield missing(
      'API_OIDC_AUDIENCE',
      'the aud of tokens for this bridge, because API_OIDC_ISSUER is set: without it a token for another service would be accepted',
    );
  }
  yield* scopeProblems(env);
}

function* scopeProblems(env: Given): Generator<Problem> {
  const names = ['API_OIDC_AUDIENCE', 'API_OIDC_SCOPES', 'API_OIDC_SUBJECTS'] as const;
  for (const name of names) {
    if (env[name] === undefined || env.API_OIDC_ISSUER !== undefined) continue;
    const remedy = `set API_OIDC_ISSUER, or unset ${name}`;
    yield missing('API_OIDC_ISSUER', `an issuer, because ${name} is set`, remedy);
  }
  const { API_OIDC_SCOPES: scopes, API_OIDC_SUBJECTS: subjects } = env;
  if ((scopes === undefined) === (subjects === undefined)) return;
  yield {
    setting: 'API_OIDC_SUBJECTS',
    got: subjects === undefined ? 'nothing' : 'a value without API_OIDC_SCOPES',
    wants: 'both or none: API_OIDC_SUBJECTS goes together with API_OIDC_SCOPES',
    remedy: 'set both (the subject * is every token of the issuer), or unset both',
  };
}

function* geminiProblems(env: Given): Generator<Problem> {
  yield* bothGiven(env, 'GEMINI_API_KEY', 'GEMINI_API_KEY_FILE');
  const key = apiKeyIn(env);
  if (key !== undefined && !isApiKey(key)) {
    yield {
      setting:
        env.GEMINI_API_KEY === undefined ? 'GEMINI_API_KEY_FILE' : 'GEMINI_API_KEY',
      got: lengthOf(key),
      wants: 'one key of visible ASCII characters on one line',
      remedy: 'copy the key from Google AI Studio again',
    };
  }
  if ((env.GEMINI_API_KEY ?? env.GEMINI_API_KEY_FILE) === undefined) return;
  if (env.PUBLIC_URL === undefined) {
    yield missing(
      'PUBLIC_URL',
      'https://host[/path], because GEMINI_API_KEY is set and a job needs a URL that Gemini can call',
      'set PUBLIC_URL, or unset GEMINI_API_KEY for a bridge that only receives',
    );
  }
  if (env.CAPABILITY_KEYS_FILE === undefined) {
    yield missing(
      'CAPABILITY_KEYS_FILE',
      'a key file, because GEMINI_API_KEY is set and the bridge signs the webhook URL of each job',
      '`keys generate` prints a key; or unset GEMINI_API_KEY for a bridge that only receives',
    );
  }
}

/** Undefined without a key, and for a file that cannot be read, which its own check reports. */
function apiKeyIn(env: Given): string | undefined {
  if (env.GEMINI_API_KEY !== undefined) return env.GEMINI_API_KEY;
  try {
    return env.GEMINI_API_KEY_FILE && readSettingFile(env.GEMINI_API_KEY_FILE).trim();
  } catch {
    return undefined;
  }
}

function* kafkaProblems(env: Given): Generator<Problem> {
  const { KAFKA_TLS_CERT_FILE: cert, KAFKA_TLS_KEY_FILE: key } = env;
  if ((cert === undefined) !== (key === undefined)) {
    yield {
      setting: 'KAFKA_TLS_CERT_FILE',
      got: cert === undefined ? 'nothing' : 'a file without KAFKA_TLS_KEY_FILE',
      wants: 'both or none: KAFKA_TLS_CERT_FILE goes together with KAFKA_TLS_KEY_FILE',
      remedy: 'set both, or unset both',
    };
  }
  yield* bothGiven(env, 'KAFKA_SASL_PASSWORD', 'KAFKA_SASL_PASSWORD_FILE');
  yield* saslProblems(env);
}

function* saslProblems(env: Given): Generator<Problem> {
  const mechanism = env.KAFKA_SASL_MECHANISM;
  if (mechanism === undefined) {
    if (env.KAFKA_SASL_USERNAME === undefined) return;
    yield missing(
      'KAFKA_SASL_MECHANISM',
      'a mechanism, because KAFKA_SASL_USERNAME is set',
      'set KAFKA_SASL_MECHANISM, or unset KAFKA_SASL_USERNAME',
    );
    return;
  }
  if (mechanism === 'oauthbearer') {
    if (env.KAFKA_SASL_TOKEN_FILE === undefined) {
      yield missing('KAFKA_SASL_TOKEN_FILE', 'a file with the token of oauthbearer');
    }
    return;
  }
  if (env.KAFKA_SASL_USERNAME === undefined) {
    yield missing('KAFKA_SASL_USERNAME', 'the user of KAFKA_SASL_MECHANISM');
  }
  if ((env.KAFKA_SASL_PASSWORD ?? env.KAFKA_SASL_PASSWORD_FILE) === undefined) {
    yield missing(
      'KAFKA_SASL_PASSWORD',
      'the password of KAFKA_SASL_MECHANISM',
      'set KAFKA_SASL_PASSWORD or KAFKA_SASL_PASSWORD_FILE',
    );
  }
}
