import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from '../process/cache.js';
import type { Log } from '../process/log.js';
import { KAFKA_VERSION } from './jars.js';
import { startJavaCluster } from './java-cluster.js';
import { SMALL_AND_QUICK } from './java-command.js';
import type { Java } from './java.js';

const FILE_NAME = 'classes.jsa';

/**
 * Half of a broker's start is the JVM reading some six thousand classes. A JVM can write them to a file when it ends and
 * map that file when it starts: 0.9 s instead of 1.7, and 40 MB less for each broker. So one broker is run once for each
 * Java, only to be ended. Undefined when that did not work, which costs time and
 * nothing else.
 */
export async function classArchive(
  java: Java,
  jarFolder: string,
  log: Log,
): Promise<string | undefined> {
  const name = `kafka-${KAFKA_VERSION}-classes-java-${java.version}`;
  const folder = await cached(name, async (draft) => {
    log('kafka: preparing quicker starts, once …');
    // A Java that cannot do it leaves an empty folder, so that it is not asked again.
    await runOnce(java.path, jarFolder, join(draft, FILE_NAME)).catch(() => undefined);
  });
  const path = join(folder, FILE_NAME);
  return existsSync(path) ? path : undefined;
}

async function runOnce(java: string, jarFolder: string, path: string): Promise<void> {
  const { nodes, stop } = await startJavaCluster({
    nodeCount: 1,
    java: {
      java,
      jarFolder,
      options: [...SMALL_AND_QUICK, `-XX:ArchiveClassesAtExit=${path}`],
    },
    properties: {},
    listeners: {},
    proxied: false,
    scramUsers: [],
  });
  await nodes[0]?.shutDown();
  await stop();
}
