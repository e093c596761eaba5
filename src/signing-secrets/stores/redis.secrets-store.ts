import { randomUUID } from 'node:crypto';
import type { RedisAccess } from '../../config/config.js';
import { RedisScripts } from '../../infrastructure/redis/redis-scripts.js';
import {
  SecretsStore,
  SecretsUnavailableError,
  type StoredSecrets,
} from '../secrets-store.js';

const KEY = 'vault';

const SCRIPTS = {
  /** Returns version and text; only the version if the caller knows it (ARGV[1]). */
  bridgeVaultRead: `
local version = redis.call('HGET', KEYS[1], 'version') or ''
if version == ARGV[1] then return { version } end
return { version, redis.call('HGET', KEYS[1], 'text') or '' }`,

  /** Writes text (ARGV[2]) and version (ARGV[3]) if the stored version is ARGV[1]. Returns the new version, or ''. */
  bridgeVaultWrite: `
local version = redis.call('HGET', KEYS[1], 'version') or ''
if version ~= ARGV[1] then return { '' } end
redis.call('HSET', KEYS[1], 'version', ARGV[3], 'text', ARGV[2])
return { ARGV[3] }`,
};

/** Stores the document in a Redis hash, for several replicas. */
export class RedisSecretsStore extends SecretsStore {
  private readonly redis: RedisScripts<keyof typeof SCRIPTS>;

  constructor(access: RedisAccess) {
    super();
    this.redis = new RedisScripts(access, SCRIPTS);
  }

  override async readDocument(known?: string): Promise<StoredSecrets | undefined> {
    const [version = '', text = ''] = await this.run('bridgeVaultRead', known ?? '-');
    return version === known ? undefined : { version, text };
  }

  override async writeDocument(text: string, since: string): Promise<string | undefined> {
    // Random, because a counter could give two texts the same version after a failover
    const [version = ''] = await this.run('bridgeVaultWrite', since, text, randomUUID());
    return version === '' ? undefined : version;
  }

  override close(): void {
    this.redis.close();
  }

  private async run(
    name: keyof typeof SCRIPTS,
    ...given: string[]
  ): Promise<readonly string[]> {
    try {
      return await this.redis.run<string>(name, [KEY], ...given);
    } catch (cause) {
      throw new SecretsUnavailableError('the vault: Redis does not answer', { cause });
    }
  }
}
