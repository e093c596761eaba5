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

/** The parts of the bridge that verify signatures, and their configuration. */
export interface VerificationTools {
  readonly config: Config;
  readonly verifier: SignatureVerifier;
  readonly capabilityKeys: CapabilityKeyring;
  readonly signingSecrets: SigningSecrets;
}

/** @throws {ConfigError | SecretsUnavailableError} */
export function withVerificationTools<T>(
  env: Terminal['env'],
  work: (tools: VerificationTools) => Promise<T>,
): Promise<T> {
  const config = loadConfig(neededOf(env));
  return withModule(config, SignatureModule, async (provided) => {
    const signingSecrets = provided(SigningSecrets);
    await signingSecrets.load();
    return work({
      config,
      signingSecrets,
      verifier: provided(SignatureVerifier),
      capabilityKeys: provided(CapabilityKeyring),
    });
  });
}

/** With placeholders for settings that `loadConfig` requires and signatures do not. */
function neededOf(env: Terminal['env']): NodeJS.ProcessEnv {
  const given = Object.entries(env).filter(([name]) => NEEDED.test(name));
  return { KAFKA_BROKERS: 'none:1', API_AUTH: 'none', ...Object.fromEntries(given) };
}
