import { onPath } from './on-path.js';
import { run, tail } from './run.js';

/** With its version, so that every Maven from 3.6.3 on uses the same plugin. */
export const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';

/** Runs Maven quietly. `what` names the download in the error. */
export async function maven(
  what: string,
  args: readonly string[],
  cwd: string,
): Promise<void> {
  const command = onPath('mvn');
  if (!command)
    throw new Error(`${what} needs Maven: install it so that \`mvn\` is on the PATH`);
  const result = await run(command, ['-q', '-B', '-ntp', ...args], { cwd });
  if (!result.ok) {
    throw new Error(
      `Maven could not fetch ${what}. Does this machine reach a Maven repository (see ~/.m2/settings.xml)?\n${tail(result.output)}`,
    );
  }
}
