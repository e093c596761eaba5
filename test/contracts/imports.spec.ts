import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../../packages/testbed/src/process/temporary-folder.js';

const ROOT = join(import.meta.dirname, '..', '..');
const OXLINT = join(ROOT, 'node_modules', 'oxlint', 'bin', 'oxlint');

/** Asks the import rules of `.oxlintrc.json` about `src` in the folder. */
function lint(cwd: string): { status: number | null; stdout: string } {
  const rules = [
    '-A',
    'all',
    '-D',
    'no-restricted-imports',
    '--config',
    '.oxlintrc.json',
  ];
  return spawnSync(process.execPath, [OXLINT, ...rules, 'src'], {
    cwd,
    encoding: 'utf8',
  });
}

describe('the import rules', () => {
  let folder: TemporaryFolder;

  beforeAll(async () => {
    folder = await temporaryFolder('imports');
    cpSync(join(ROOT, '.oxlintrc.json'), join(folder.path, '.oxlintrc.json'));
  });

  afterAll(() => folder.remove());

  it('hold in src', () => {
    expect(lint(ROOT)).toMatchObject({ status: 0 });
  });

  it.each([
    ['src/config/a.ts', '../infrastructure/redis/redis-client.js'],
    ['src/infrastructure/kafka/a.ts', '../../publishing/topic-history.js'],
    ['src/publishing/a.ts', '../jobs/job.js'],
    ['src/signature/schemes/a.ts', '../../receiver/delivery.js'],
    ['src/jobs/api/a.ts', '../../receiver/delivery.js'],
    ['src/webhooks/a.ts', '../receiver/delivery.js'],
    ['src/receiver/a.ts', '../webhooks/webhook.service.js'],
    ['src/main.ts', 'kafkajs/src/broker/index.js'],
    ['src/cli/a.ts', 'kafkajs/src/broker/index.js'],
    ['src/publishing/producer/a.ts', 'kafkajs/src/broker/index.js'],
    ['src/publishing/producer/a.ts', '../../infrastructure/kafka/kafkajs/internals.js'],
    ['src/infrastructure/kafka/a.ts', './kafkajs/internals.js'],
    ['src/infrastructure/kafka/kafkajs/a.ts', '../../../publishing/topic-history.js'],
  ])('refuse %s that imports %s', (file, target) => {
    const { status, stdout } = lintImport(file, target);
    expect(status).not.toBe(0);
    expect(stdout).toContain(`'${target}' import is restricted`);
    expect(stdout).toContain(file);
  });

  it('allow inner modules of kafkajs in the folder of its patches', () => {
    const file = 'src/infrastructure/kafka/kafkajs/a.ts';
    expect(lintImport(file, 'kafkajs/src/broker/index.js')).toMatchObject({ status: 0 });
  });

  it('hold for require, too: no other file names an inner module of kafkajs', () => {
    const names = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
    const files = names.filter((name) => name.endsWith('.ts'));
    const naming = files.filter((name) =>
      readFileSync(join(ROOT, 'src', name), 'utf8').includes('kafkajs/src/'),
    );
    expect(naming).toEqual(['infrastructure/kafka/kafkajs/internals.ts']);
  });

  /** Lints a file that imports the target, and empties it again. */
  function lintImport(file: string, target: string): ReturnType<typeof lint> {
    const path = join(folder.path, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `import { x } from '${target}';\nx();\n`);
    try {
      return lint(folder.path);
    } finally {
      writeFileSync(path, '');
    }
  }
});
