import { join } from 'node:path';
import { isExecutable, onPath } from '../process/on-path.js';
import { run } from '../process/run.js';

const OLDEST_JAVA = 17;

export interface Java {
  readonly path: string;
  /** Such as 17.0.15. */
  readonly version: string;
}

/** Finds a Java that runs Kafka 4. `missing` says why there is none. */
export async function findJava(): Promise<Java | { readonly missing: string }> {
  const home = process.env['JAVA_HOME'];
  const inHome = home ? join(home, 'bin', 'java') : undefined;
  const path = inHome && isExecutable(inHome) ? inHome : onPath('java');
  if (!path) return { missing: 'no `java` on the PATH and none in JAVA_HOME' };
  // Run it: macOS has a `java` that only says where to get one
  const { ok, output } = await run(path, ['-version']);
  const version = /version "([^"]+)"/.exec(output)?.[1] ?? '';
  const major = Number.parseInt(version, 10);
  if (!ok || Number.isNaN(major)) return { missing: `${path} does not run` };
  if (major < OLDEST_JAVA) return { missing: `${path} is Java ${major}` };
  return { path, version };
}
