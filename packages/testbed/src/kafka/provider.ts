import { onPath } from '../process/on-path.js';
import { findDocker } from './docker.js';
import { hasKafkaJars, KAFKA_VERSION } from './jars.js';
import { findJava, type Java } from './java.js';

export interface JavaProvider {
  readonly java: Java;
}

export interface DockerProvider {
  readonly docker: string;
  /** The reason why Java cannot be used. */
  readonly noJava: string;
}

/**
 * Finds what this machine can run a broker with: Java with Maven, else Docker.
 *
 * @throws {Error} naming each thing that would help.
 */
export async function findProvider(): Promise<JavaProvider | DockerProvider> {
  const java = await findJava();
  const noMaven = !hasKafkaJars() && !onPath('mvn');
  if ('path' in java && !noMaven) return { java };
  const problems: string[] = [];
  if ('missing' in java) problems.push(java.missing);
  if (noMaven)
    problems.push(`no \`mvn\` on the PATH to fetch Kafka ${KAFKA_VERSION} with`);
  const noJava = problems.join('; ');
  const docker = await findDocker();
  if (docker) return { docker, noJava };
  throw new Error(
    [
      'There is no Kafka to use. Do one of these:',
      '- set KAFKA_BROKERS=host:port,… to brokers that run already',
      `- install Java 17 or later and Maven (${noJava})`,
      '- start Docker (there is no `docker` on the PATH whose daemon answers)',
    ].join('\n'),
  );
}
