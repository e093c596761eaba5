import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cached, cacheRoot } from '../../packages/testbed/src/process/cache.js';
import type { Log } from '../../packages/testbed/src/process/log.js';
import { onPath } from '../../packages/testbed/src/process/on-path.js';
import { run, tail } from '../../packages/testbed/src/process/run.js';

const MODULE = 'github.com/prometheus/prometheus/cmd/promtool@v0.316.0';
const CACHE_NAME = 'promtool-3.16';
/** Leaves out the service discovery, which is most of the code. */
const TAGS = 'remove_all_sd';

/** The path of promtool if it is on the `PATH` or has been built before. */
export function availablePromtool(): string | undefined {
  const kept = join(cacheRoot(), CACHE_NAME, 'promtool');
  return onPath('promtool') ?? (existsSync(kept) ? kept : undefined);
}

/** The path of promtool. Without one on the `PATH`, Go builds it once. */
export async function promtool(log: Log): Promise<string> {
  const available = availablePromtool();
  if (available) return available;
  const go = onPath('go');
  if (!go) {
    throw new Error(
      'promtool is missing: install Prometheus, so that `promtool` is on the PATH, or Go, which builds it',
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
