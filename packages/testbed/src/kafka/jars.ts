import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, isCached } from '../process/cache.js';
import type { Log } from '../process/log.js';
import { DEPENDENCY_PLUGIN, maven } from '../process/maven.js';

export const KAFKA_VERSION = '4.3.1';
const CACHE_NAME = `kafka-${KAFKA_VERSION}`;

export function hasKafkaJars(): boolean {
  return isCached(CACHE_NAME);
}

/** The folder with Kafka's jars, downloaded at the first use on this machine. */
export async function kafkaJars(log: Log): Promise<string> {
  return cached(CACHE_NAME, async (folder) => {
    log(`downloading Apache Kafka ${KAFKA_VERSION} from Maven, about 47 MB, once …`);
    await copyFile(join(import.meta.dirname, 'pom.xml'), join(folder, 'pom.xml'));
    await maven(
      `Apache Kafka ${KAFKA_VERSION}`,
      [`${DEPENDENCY_PLUGIN}:copy-dependencies`, `-DoutputDirectory=${folder}`],
      folder,
    );
  });
}
