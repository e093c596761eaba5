import { onPath } from '../process/on-path.js';
import { findDocker } from './docker.js';
import { hasKafkaJars, KAFKA_VERSION } from './jars.js';
import { findJava, type Java } from './java.js';

export interface DockerWay {
  readonly docker: string;
  /** Why it is not Java. */
  readonly noJava: string;
}

/** What this machine can run a broker with; the error names all that would help. */
export async function findWay(): Promise<{ readonly java: Java } | DockerWay> {
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
