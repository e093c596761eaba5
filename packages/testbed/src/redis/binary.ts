import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, isCached } from '../process/cache.js';
import type { Log } from '../process/log.js';
import { DEPENDENCY_PLUGIN, maven } from '../process/maven.js';
import { onPath } from '../process/on-path.js';

/** A jar for Java tests that contains `redis-server` for several platforms. */
const ARTIFACT = 'com.github.codemonstur:embedded-redis:1.4.3';
const CACHE_NAME = 'redis-6.2';

/** By `process.platform` and `process.arch`. */
const BINARIES: Record<string, string> = {
  'linux-x64': 'redis-server-6.2.6-v5-linux-amd64',
  'linux-arm64': 'redis-server-6.2.7-linux-arm64',
  'darwin-x64': 'redis-server-6.2.6-v5-darwin-amd64',
  'darwin-arm64': 'redis-server-6.2.6-v5-darwin-arm64',
};

/** The path of a `redis-server`: the system's, else one downloaded with Maven and cached. */
export async function redisBinary(log: Log): Promise<string> {
  const system = onPath('redis-server');
  if (system) return system;
  const machine = `${process.platform}-${process.arch}`;
  const name = BINARIES[machine];
  if (!name || (!isCached(CACHE_NAME) && !onPath('mvn'))) throw noRedis(machine, name);
  const folder = await cached(CACHE_NAME, async (draft) => {
    log('downloading Redis 6.2 from Maven, about 14 MB, once …');
    const unpack = [`-Dartifact=${ARTIFACT}`, `-Dmdep.unpack.includes=${name}`];
    const goal = `${DEPENDENCY_PLUGIN}:unpack`;
    await maven('Redis', [goal, ...unpack, `-DoutputDirectory=${draft}`], draft);
    // Maven leaves its markers in a folder with this literal name
    await rm(join(draft, '${project.basedir}'), { recursive: true, force: true });
    await chmod(join(draft, name), 0o755);
  });
  return join(folder, name);
}

function noRedis(machine: string, name: string | undefined): Error {
  return new Error(
    [
      'There is no Redis to use. Do one of these:',
      '- set REDIS_URL=redis://host:port to one that runs already',
      '- install Redis so that `redis-server` is on the PATH',
      name
        ? '- install Maven (`mvn` on the PATH), to fetch one with'
        : `- (Maven has none for ${machine})`,
    ].join('\n'),
  );
}
