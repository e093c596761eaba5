import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { FileSecretsStore } from './stores/file.secrets-store.js';
import {
  accessOfPod,
  KubernetesSecretsStore,
} from './stores/kubernetes.secrets-store.js';
import { RedisSecretsStore } from './stores/redis.secrets-store.js';
import { SigningSecrets } from './signing-secrets.js';
import type { SecretsStore } from './secrets-store.js';

/** Binds the vault of signing secrets. */
@Module({
  providers: [
    { provide: SigningSecrets, inject: [CONFIG], useFactory: createSecretsStore },
  ],
  exports: [SigningSecrets],
})
export class SigningSecretsModule {}

export function createSecretsStore(config: Config): SigningSecrets {
  return new SigningSecrets(createStore(config), config);
}

/** None without a key to seal with. */
function createStore({ vault, redis }: Config): SecretsStore | undefined {
  if (vault.keysFile === undefined) return undefined;
  if (vault.kubernetesSecret !== undefined) {
    return new KubernetesSecretsStore(vault.kubernetesSecret, accessOfPod(process.env));
  }
  if (vault.file !== undefined) return new FileSecretsStore(vault.file);
  if (redis) return new RedisSecretsStore(redis);
  throw new Error('environment-faults.ts lets no vault through that has no store');
}
