import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { copyOfBuild } from '../src/build-copy.js';
import { startKafka } from '../src/kafka.js';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../src/process/temporary-folder.js';
import { startRedis } from '../src/redis.js';

describe('on a machine with nothing installed', () => {
  const outside = { ...process.env };
  let emptyCache: TemporaryFolder;

  beforeEach(async () => {
    emptyCache = await temporaryFolder('gemini-kafka-bridge-test');
    process.env['PATH'] = '';
    process.env['XDG_CACHE_HOME'] = emptyCache.path;
    delete process.env['JAVA_HOME'];
  });
  afterEach(async () => {
    for (const name of ['PATH', 'XDG_CACHE_HOME', 'JAVA_HOME']) {
      if (outside[name] === undefined) delete process.env[name];
      else process.env[name] = outside[name];
    }
    await emptyCache.remove();
  });

  it('startKafka names every way to get a Kafka', async () => {
    const start = startKafka({ own: true });
    await expect(start).rejects.toThrow(
      /set KAFKA_BROKERS.*install Java 17 or later and Maven \(no `java`.*no `mvn`.*start Docker/s,
    );
  });

  it('startRedis names every way to get a Redis', async () => {
    const start = startRedis({ own: true });
    await expect(start).rejects.toThrow(
      /set REDIS_URL.*`redis-server` is on the PATH.*Maven/s,
    );
  });

  it('the copy of the build says how to build', async () => {
    const start = copyOfBuild(emptyCache.path);
    await expect(start).rejects.toThrow(/dist\/main\.js is missing: run `npm run build`/);
  });
});
