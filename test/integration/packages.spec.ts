import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { run } from '../../packages/testbed/src/process/run.js';
import { temporaryFolder } from '../../packages/testbed/src/process/temporary-folder.js';

const ROOT = join(import.meta.dirname, '..', '..');
const EMULATOR = join(ROOT, 'packages', 'gemini-emulator');

/** Options in the README that belong to other programs. */
const OTHERS = new Set(['--help', '--save-dev', '--test']);

interface Manifest {
  readonly name: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

describe('the packed emulator in another project', () => {
  it('has the options of its README, and runs the sample of its README', async () => {
    await using project = await temporaryFolder('gemini-kafka-bridge-test');
    const { name, bin, dependencies } = await manifestOf(EMULATOR);
    const installed = join(project.path, 'node_modules', name);
    await install(installed, Object.keys(dependencies));

    const command = join(installed, bin['gemini-emulator'] ?? '');
    const help = await run(process.execPath, [command, '--help']);
    expect(help.ok).toBe(true);
    const readme = await readFile(join(EMULATOR, 'README.md'), 'utf8');
    const named = readme.match(/(?<=[ `])--[a-z][a-z-]+/g) ?? [];
    const options = named.filter((each) => !OTHERS.has(each));
    expect(options.length).toBeGreaterThan(8);
    expect(options.filter((each) => !help.output.includes(`\n  ${each} `))).toEqual([]);

    const [, sample = ''] = /```js\n(.*?)```/s.exec(readme) ?? [];
    const file = join(project.path, 'webhooks.test.mjs');
    await writeFile(file, sample);
    const { NODE_OPTIONS: _ours, NODE_TEST_CONTEXT: _jests, ...env } = process.env;
    const test = await run(process.execPath, ['--test', file], { env });
    expect(test.output).toMatch(/^# pass 1$/m);
    expect(test.ok).toBe(true);
  }, 180_000);
});

async function manifestOf(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
}

/** Installs the packed file as `npm install` does, but links the dependencies of this repository. */
async function install(to: string, dependencies: readonly string[]): Promise<void> {
  await mkdir(to, { recursive: true });
  const packed = await run('npm', ['pack', '--json', '--pack-destination', to], {
    cwd: EMULATOR,
  });
  expect(packed).toMatchObject({ ok: true });
  const [, archive = ''] = /"filename": "([^"]+)"/.exec(packed.output) ?? [];
  const unpacked = await run('tar', ['xzf', archive, '--strip-components=1'], {
    cwd: to,
  });
  expect(unpacked).toMatchObject({ ok: true });
  for (const name of dependencies) {
    const link = join(to, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(ROOT, 'node_modules', name), link);
  }
}
