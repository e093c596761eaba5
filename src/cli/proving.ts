import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load-config.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { CapabilityKeyring } from '../signature/capability-keyring.js';
import { SignatureVerifier } from '../signature/signature-verifier.js';
import type { SigningSecrets } from '../signing-secrets/signing-secrets.js';
import { createSigningSecrets } from '../signing-secrets/signing-secrets.module.js';
import type { Terminal } from './terminal.js';

/** What proving needs; the rest of a bridge's environment does not matter. */
const NEEDED =
  /^(WEBHOOK_SECRETS|VAULT_|KUBERNETES_SERVICE_|REDIS_|CAPABILITY_KEYS_FILE|JWKS_|JWT_|TOPIC_PREFIX|GEMINI_URL)/;

/** The bridge's own means of telling a good signature from a bad one. */
export interface Proving {
  readonly config: Config;
  readonly verifier: SignatureVerifier;
  readonly keyring: CapabilityKeyring;
  readonly vault: SigningSecrets;
}

/**
 * Runs `work` with them, as the environment says, and puts them away again.
 *
 * @throws {ConfigError | SecretsUnavailableError}
 */
export async function proving<T>(
  env: Terminal['env'],
  work: (tools: Proving) => Promise<T>,
): Promise<T> {
  const config = loadConfig(provingEnv(env));
  const vault = createSigningSecrets(config);
  const keyring = new CapabilityKeyring(config);
  const verifier = new SignatureVerifier(config, keyring, vault, new Metrics());
  try {
    await vault.load();
    return await work({ config, verifier, keyring, vault });
  } finally {
    verifier.onModuleDestroy();
    keyring.onModuleDestroy();
    vault.onApplicationShutdown();
  }
}

function provingEnv(env: Terminal['env']): NodeJS.ProcessEnv {
  const given = Object.entries(env).filter(([name]) => NEEDED.test(name));
  return { KAFKA_BROKERS: 'none:1', API_AUTH: 'none', ...Object.fromEntries(given) };
}
