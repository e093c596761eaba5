import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { cacheRoot } from '../../packages/testbed/src/process/cache.js';
import { helmBinary, type HelmMajor } from './binary.js';

export interface HelmResult {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Runs helm without the user's plugins, repositories and cluster. */
export async function helm(
  args: readonly string[],
  options: { major?: HelmMajor; input?: string } = {},
): Promise<HelmResult> {
  const path = await helmBinary(options.major ?? 4, () => undefined);
  const home = join(cacheRoot(), 'helm-home');
  const env = {
    HOME: home,
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
    KUBECONFIG: join(home, 'none'),
    // The process ends before a garbage collection would pay.
    GOGC: 'off',
  };
  return new Promise((resolve) => {
    const child = execFile(
      path,
      [...args],
      { env, maxBuffer: MAX_OUTPUT_BYTES },
      (error, stdout, stderr) => resolve({ ok: error === null, stdout, stderr }),
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}
