import { join } from 'node:path';

export interface JavaSetup {
  readonly java: string;
  readonly jarFolder: string;
  /** Replaces `SMALL_AND_QUICK`. */
  readonly options?: readonly string[];
  /** A file with the classes as the JVM keeps them in memory (class-archive.ts). */
  readonly classArchive?: string | undefined;
}

/** Only the first compiler: a start takes 1.7 s instead of 2.0, which is most of what a short-lived broker computes. */
export const SMALL_AND_QUICK = [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
];

/** The command that runs a main class of Kafka's jars. */
export function javaCommand(
  setup: JavaSetup,
  mainClass: string,
  args: readonly string[],
): { command: string; args: string[] } {
  return {
    command: setup.java,
    args: [
      ...(setup.options ?? SMALL_AND_QUICK),
      ...(setup.classArchive ? archiveOptions(setup.classArchive) : []),
      `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'log4j2.properties')}`,
      '-cp',
      join(setup.jarFolder, '*'),
      mainClass,
      ...args,
    ],
  };
}

/** When the archive is of another Java or of other jars, the JVM does without; it need not say so in every log. */
function archiveOptions(path: string): string[] {
  return [`-XX:SharedArchiveFile=${path}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'];
}
