import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cached, cacheRoot } from '../../packages/testbed/src/process/cache.js';
import type { Log } from '../../packages/testbed/src/process/log.js';
import { onPath } from '../../packages/testbed/src/process/on-path.js';
import { run, tail } from '../../packages/testbed/src/process/run.js';

const MODULE = 'github.com/prometheus/prometheus/cmd/promtool@v0.316.0';
const CACHE_NAME = 'promtool-3.16';
/** Without all the ways to find targets, which are most of it. */
const TAGS = 'remove_all_sd';

/** The path of promtool, if it is on the `PATH` or was built before. */
export function availablePromtool(): string | undefined {
  const kept = join(cacheRoot(), CACHE_NAME, 'promtool');
  return onPath('promtool') ?? (existsSync(kept) ? kept : undefined);
}

/** The path of promtool: the system's, else one that is built by Go once and kept. */
export async function promtool(log: Log): Promise<string> {
  const there = availablePromtool();
  if (there) return there;
  const go = onPath('go');
  if (!go) {
    throw new Error(
      'There is no promtool to use: install Prometheus so that `promtool` is on the PATH, or Go, to build it with',
    );
  }
  const folder = await cached(CACHE_NAME, async (draft) => {
    log('building promtool with Go, once; this takes some minutes …');
    const env = { ...process.env, GOBIN: draft };
    const { ok, output } = await run(go, ['install', '-tags', TAGS, MODULE], { env });
    if (!ok) throw new Error(`Go could not build promtool\n${tail(output)}`);
  });
  return join(folder, 'promtool');
}
