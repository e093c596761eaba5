import type { Config } from '../../config/config.js';
import { SecretsUnavailableError } from '../../signing-secrets/secrets-store.js';
import { createSigningSecrets } from '../../signing-secrets/signing-secrets.module.js';
import { ConnectionError, type ConnectionCheck } from './connection-check.js';

/** Checks that the encrypted secrets can be read and opened with the keys. */
export function secretsConnection(config: Config): ConnectionCheck {
  const { file, kubernetesSecret } = config.vault;
  const [setting, address] =
    kubernetesSecret === undefined
      ? (['VAULT_FILE', file ?? 'Redis'] as const)
      : (['VAULT_KUBERNETES_SECRET', kubernetesSecret] as const);
  return {
    target: 'the secrets store',
    address,
    setting,
    run: () => ask(config, setting),
  };
}

async function ask({ vault, redis, webhooks }: Config, setting: string): Promise<string> {
  const secrets = createSigningSecrets(vault, redis, webhooks);
  try {
    await secrets.load();
    const [trouble] = secrets.troubles;
    if (trouble !== undefined) throw new SecretsUnavailableError(trouble);
    const { length } = Object.keys(secrets.document.webhooks);
    return `it has the secrets of ${length} ${length === 1 ? 'webhook' : 'webhooks'}`;
  } catch (error) {
    if (!(error instanceof SecretsUnavailableError)) throw error;
    throw new ConnectionError(`${setting}: ${error.message}`);
  } finally {
    secrets.onApplicationShutdown();
  }
}
