import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load-config.js';
import { CapabilityKeyring } from '../signature/capability-keyring.js';
import { SignatureModule } from '../signature/signature.module.js';
import { SignatureVerifier } from '../signature/signature-verifier.js';
import { SigningSecrets } from '../signing-secrets/signing-secrets.js';
import { withModule } from './application-context.js';
import type { Terminal } from './terminal.js';

/** The variables that decide about signatures. The rest of the bridge's environment does not matter. */
const NEEDED =
  /^(WEBHOOK_SECRETS|VAULT_|KUBERNETES_SERVICE_|REDIS_|CAPABILITY_KEYS_FILE|JWKS_|JWT_|TOPIC_PREFIX|GEMINI_URL)/;

/** What the bridge verifies signatures with. */
export interface Proving {
  readonly config: Config;
  readonly verifier: SignatureVerifier;
  readonly keyring: CapabilityKeyring;
  readonly vault: SigningSecrets;
}

/**
 * Runs `work` with them, as the environment configures them.
 *
 * @throws {ConfigError | SecretsUnavailableError}
 */
export function proving<T>(
  env: Terminal['env'],
  work: (tools: Proving) => Promise<T>,
): Promise<T> {
  const config = loadConfig(neededOf(env));
  return withModule(config, SignatureModule, async (provided) => {
    const vault = provided(SigningSecrets);
    await vault.load();
    return work({
      config,
      verifier: provided(SignatureVerifier),
      keyring: provided(CapabilityKeyring),
      vault,
    });
  });
}

/** With placeholders for what `loadConfig` requires and signatures do not. */
function neededOf(env: Terminal['env']): NodeJS.ProcessEnv {
  const given = Object.entries(env).filter(([name]) => NEEDED.test(name));
  return { KAFKA_BROKERS: 'none:1', API_AUTH: 'none', ...Object.fromEntries(given) };
}
