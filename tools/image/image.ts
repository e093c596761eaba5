import { createHash } from 'node:crypto';
import {
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { IMAGE_NODE_VERSION } from '../../packages/testbed/src/image-node.js';
import { cached, cacheRoot, isCached } from '../../packages/testbed/src/process/cache.js';
import {
  registerPath,
  unregisterPath,
} from '../../packages/testbed/src/process/reaper.js';
import { toStderr, type Log } from '../../packages/testbed/src/process/log.js';
import { build } from './build.js';
import { BuildContext } from './context.js';
import type { ImageConfig } from './image-config.js';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const PREFIX = 'image-';
/** Trees of older sources are removed after this time. */
const KEPT_MS = 24 * 3_600_000;
/** A lock older than this belongs to a process that was killed. */
const LOCK_MS = 10 * 60_000;
const POLL_MS = 200;

/** The image's own files, in one folder instead of layers. */
export interface Image {
  readonly root: string;
  readonly config: ImageConfig;
}

/** The image of the present sources. It is built once for each state of the sources and cached. */
export async function image(log: Log = toStderr): Promise<Image> {
  const context = new BuildContext(REPOSITORY);
  const name = `${PREFIX}${await fingerprint(context)}`;
  const folder = isCached(name)
    ? await builtImage(name, context, log)
    : await withLock(() => {
        if (!isCached(name))
          log('image: building the tree of the Dockerfile, about a minute …');
        return builtImage(name, context, log);
      });
  await utimes(folder, new Date(), new Date());
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  return { root: join(folder, 'root'), config: config as ImageConfig };
}

/** The cached image; built if it is missing. */
async function builtImage(
  name: string,
  context: BuildContext,
  log: Log,
): Promise<string> {
  return cached(name, async (draft) => {
    await forgetOld();
    const stages = join(draft, 'stages');
    await mkdir(stages);
    const { root, config } = await build(context, stages, { log });
    await rename(root, join(draft, 'root'));
    await rm(stages, { recursive: true });
    await writeFile(join(draft, 'config.json'), JSON.stringify(config));
  });
}

/** Lets one process of this machine work at a time: several specs need the image, and one build keeps all processors busy. */
async function withLock<T>(work: () => Promise<T>): Promise<T> {
  await mkdir(cacheRoot(), { recursive: true });
  const lock = join(cacheRoot(), 'image.lock');
  while (!(await tryLock(lock))) await sleep(POLL_MS);
  await registerPath(lock);
  try {
    return await work();
  } finally {
    await rmdir(lock);
    unregisterPath(lock);
  }
}

async function tryLock(lock: string): Promise<boolean> {
  const since = await stat(lock).catch(() => undefined);
  // The reaper removes the lock of a process that dies, unless it dies between mkdir and registerPath
  if (since && Date.now() - since.mtimeMs > LOCK_MS)
    await rmdir(lock).catch(() => undefined);
  return mkdir(lock).then(
    () => true,
    () => false,
  );
}

/** A hash of everything that the image depends on: sources, Dockerfile, tools/image and the version of Node.js. */
async function fingerprint({ folder, names }: BuildContext): Promise<string> {
  const hash = createHash('sha256').update(IMAGE_NODE_VERSION);
  const inputs = ['Dockerfile', '.dockerignore', 'tools/image', ...names].filter(
    (name) => name !== 'packages', // only the development stage has it
  );
  for (const name of inputs.toSorted((a, b) => (a < b ? -1 : 1))) {
    for (const path of await filesIn(join(folder, name))) {
      const { mode } = await stat(path);
      hash.update(`\0${relative(folder, path)}\0${mode}\0`).update(await readFile(path));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

async function filesIn(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

async function forgetOld(): Promise<void> {
  const entries = await readdir(cacheRoot()).catch(() => []);
  for (const name of entries.filter((each) => each.startsWith(PREFIX))) {
    const path = join(cacheRoot(), name);
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > KEPT_MS) await rm(path, { recursive: true, force: true });
  }
}
