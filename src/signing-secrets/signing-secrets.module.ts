import { Module } from '@nestjs/common';
import type { RedisAccess, VaultConfig, WebhooksConfig } from '../config/config.js';
import { configToken } from '../config/inject-config.js';
import { FileSecretsStore } from './stores/file.secrets-store.js';
import { accessOfPod } from './kubernetes-access.js';
import { KubernetesSecretsStore } from './stores/kubernetes.secrets-store.js';
import { RedisSecretsStore } from './stores/redis.secrets-store.js';
import { SigningSecrets } from './signing-secrets.js';
import type { SecretsStore } from './secrets-store.js';

/** Provides the signing secrets of static webhooks, in the store that the configuration names. */
@Module({
  providers: [
    {
      provide: SigningSecrets,
      inject: [configToken('vault'), configToken('redis'), configToken('webhooks')],
      useFactory: createSigningSecrets,
    },
  ],
  exports: [SigningSecrets],
})
export class SigningSecretsModule {}

export function createSigningSecrets(
  vault: VaultConfig,
  redis: RedisAccess | undefined,
  webhooks: WebhooksConfig,
): SigningSecrets {
  return new SigningSecrets(createStore(vault, redis), { vault, webhooks });
}

/** Undefined without `VAULT_KEYS_FILE`: there is no key to seal with. */
function createStore(
  vault: VaultConfig,
  redis: RedisAccess | undefined,
): SecretsStore | undefined {
  if (vault.keysFile === undefined) return undefined;
  if (vault.kubernetesSecret !== undefined) {
    const access = accessOfPod(vault.kubernetesApi);
    return new KubernetesSecretsStore(vault.kubernetesSecret, access);
  }
  if (vault.file !== undefined) return new FileSecretsStore(vault.file);
  if (redis) return new RedisSecretsStore(redis);
  // cross-checks.ts refuses this at the start
  throw new Error(
    'VAULT_KEYS_FILE is set without a store: set REDIS_URL, VAULT_FILE or VAULT_KUBERNETES_SECRET',
  );
}
