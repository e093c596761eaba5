import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { FileVaultStore } from './stores/file.secrets-store.js';
import { accessOfPod, KubernetesVaultStore } from './stores/kubernetes.secrets-store.js';
import { RedisVaultStore } from './stores/redis.secrets-store.js';
import { SecretVault } from './signing-secrets.js';
import type { VaultStore } from './secrets-store.js';

/** Binds the vault of signing secrets. */
@Module({
  providers: [{ provide: SecretVault, inject: [CONFIG], useFactory: createVault }],
  exports: [SecretVault],
})
export class VaultModule {}

export function createVault(config: Config): SecretVault {
  return new SecretVault(createStore(config), config);
}

/** None without a key to seal with. */
function createStore({ vault, redis }: Config): VaultStore | undefined {
  if (vault.keysFile === undefined) return undefined;
  if (vault.kubernetesSecret !== undefined) {
    return new KubernetesVaultStore(vault.kubernetesSecret, accessOfPod(process.env));
  }
  if (vault.file !== undefined) return new FileVaultStore(vault.file);
  if (redis) return new RedisVaultStore(redis);
  throw new Error('environment-faults.ts lets no vault through that has no store');
}
