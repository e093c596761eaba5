import { join } from 'node:path';

export interface JavaSetup {
  readonly java: string;
  readonly jarFolder: string;
  /** Replaces `DEFAULT_OPTIONS`. */
  readonly options?: readonly string[];
  /** Made by class-archive.ts. */
  readonly classArchive?: string | undefined;
}

/** A small heap and the first compiler only: a start takes 1.7 s instead of 2.0, and a test's broker does little else. */
export const DEFAULT_OPTIONS = [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
];

/** The command that runs a main class of Kafka. */
export function javaCommand(
  setup: JavaSetup,
  mainClass: string,
  args: readonly string[],
): { command: string; args: string[] } {
  return {
    command: setup.java,
    args: [
      ...(setup.options ?? DEFAULT_OPTIONS),
      ...(setup.classArchive ? archiveOptions(setup.classArchive) : []),
      `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'log4j2.properties')}`,
      '-cp',
      join(setup.jarFolder, '*'),
      mainClass,
      ...args,
    ],
  };
}

/** The JVM ignores an archive of another Java or of other jars. The log options silence its warning about that. */
function archiveOptions(path: string): string[] {
  return [`-XX:SharedArchiveFile=${path}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'];
}
