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
  /** Version and text, without the text when it is the version that is known. */
  bridgeVaultRead: `
local version = redis.call('HGET', KEYS[1], 'version') or ''
if version == ARGV[1] then return { version } end
return { version, redis.call('HGET', KEYS[1], 'text') or '' }`,

  /** The new version, as it is given; '' when the one before it was another. */
  bridgeVaultWrite: `
local version = redis.call('HGET', KEYS[1], 'version') or ''
if version ~= ARGV[1] then return { '' } end
redis.call('HSET', KEYS[1], 'version', ARGV[3], 'text', ARGV[2])
return { ARGV[3] }`,
};

/** For several replicas. */
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
    // Random: a failover must not have two texts of one version
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
      throw new SecretsUnavailableError('Redis does not answer', { cause });
    }
  }
}
