import type { Given } from '../config/environment.js';
import { assertPair, parseCertificates, parsePrivateKey } from '../config/pem.js';
import { FormError, problemOf, type Problem } from '../config/problem.js';
import { readSettingFile } from '../config/setting-file.js';
import { parseKeyring } from '../infrastructure/files/keyring.js';
import { parseFileTokens } from '../internal-api/auth/file-tokens.js';
import { parseSecretLines, parseSecretList } from '../signing-secrets/webhook-secret.js';

/** The files of credentials, each with the parser of the module that uses it. */
const FILES = {
  KAFKA_TLS_CA_FILE: parseCertificates,
  KAFKA_TLS_CERT_FILE: parseCertificates,
  KAFKA_TLS_KEY_FILE: parsePrivateKey,
  REDIS_TLS_CA_FILE: parseCertificates,
  WEBHOOK_SECRETS_FILE: parseSecretLines,
  CAPABILITY_KEYS_FILE: parseKeyring,
  VAULT_KEYS_FILE: parseKeyring,
  API_TOKENS_FILE: parseFileTokens,
} satisfies Partial<Record<keyof Given, (text: string) => unknown>>;

/** Parses secrets, tokens, keys and certificates. A file that cannot be read is not its concern. */
export function* credentialProblems(env: Given): Generator<Problem> {
  if (env.WEBHOOK_SECRETS !== undefined) {
    yield* problemsOf('WEBHOOK_SECRETS', env.WEBHOOK_SECRETS, parseSecretList);
  }
  for (const [setting, parse] of Object.entries(FILES)) {
    const text = textOf(env[setting as keyof typeof FILES]);
    if (text !== undefined) yield* problemsOf(setting, text, parse);
  }
  yield* pairProblems(env);
}

function* pairProblems(env: Given): Generator<Problem> {
  const certificates = parsed(env.KAFKA_TLS_CERT_FILE, parseCertificates);
  const key = parsed(env.KAFKA_TLS_KEY_FILE, parsePrivateKey);
  if (!certificates || !key) return;
  yield* problemsOf('KAFKA_TLS_KEY_FILE', '', () => assertPair(certificates, key));
}

function* problemsOf(
  setting: string,
  text: string,
  parse: (text: string) => unknown,
): Generator<Problem> {
  try {
    parse(text);
  } catch (error) {
    yield problemOf(setting, error);
  }
}

function parsed<T>(path: string | undefined, parse: (text: string) => T): T | undefined {
  const text = textOf(path);
  try {
    return text === undefined ? undefined : parse(text);
  } catch (error) {
    if (error instanceof FormError) return undefined;
    throw error;
  }
}

function textOf(path: string | undefined): string | undefined {
  try {
    return path === undefined ? undefined : readSettingFile(path);
  } catch (error) {
    if (error instanceof FormError) return undefined;
    throw error;
  }
}
