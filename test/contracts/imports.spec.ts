import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../../packages/testbed/src/process/temporary-folder.js';

const ROOT = join(import.meta.dirname, '..', '..');
const DEPCRUISE = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const CONFIG = '.dependency-cruiser.mjs';

/** A file, a module that it must not import, and the rule that says so. */
const WRONG = [
  ['src/config/a.ts', 'src/infrastructure/redis/b.ts', 'config-imports-downwards'],
  ['src/events/a.ts', 'src/config/b.ts', 'events-imports-downwards'],
  [
    'src/infrastructure/kafka/a.ts',
    'src/publishing/b.ts',
    'infrastructure-imports-downwards',
  ],
  ['src/gemini/a.ts', 'src/jobs/b.ts', 'gemini-imports-downwards'],
  ['src/publishing/a.ts', 'src/jobs/b.ts', 'publishing-imports-downwards'],
  ['src/signing-secrets/a.ts', 'src/signature/b.ts', 'signing-secrets-imports-downwards'],
  ['src/signature/schemes/a.ts', 'src/receiver/b.ts', 'signature-imports-downwards'],
  ['src/internal-api/auth/a.ts', 'src/cli/b.ts', 'internal-api-imports-downwards'],
  ['src/jobs/api/a.ts', 'src/receiver/b.ts', 'jobs-imports-downwards'],
  ['src/webhooks/a.ts', 'src/receiver/b.ts', 'webhooks-imports-downwards'],
  ['src/receiver/a.ts', 'src/webhooks/b.ts', 'receiver-imports-downwards'],
  ['src/startup/a.ts', 'src/jobs/b.ts', 'startup-imports-downwards'],
  ['src/health/a.ts', 'src/cli/b.ts', 'health-imports-downwards'],
  ['src/cli/a.ts', 'src/health/b.ts', 'cli-imports-downwards'],
  ['src/jobs/a.ts', 'src/publishing/history/b.ts', 'face-only'],
  ['src/signature/a.ts', 'src/infrastructure/kafka/inner/b.ts', 'face-only-of-parts'],
  ['src/jobs/k.ts', 'node_modules/kafkajs/index.js', 'kafkajs-inside'],
  [
    'src/infrastructure/kafka/k.ts',
    'node_modules/kafkajs/src/b.js',
    'kafkajs-internals-inside',
  ],
  ['src/jobs/r.ts', 'node_modules/ioredis/index.js', 'ioredis-inside'],
  ['src/cli/t.ts', 'tools/b.ts', 'service-alone'],
  ['test/support/a.ts', 'test/unit/b.ts', 'support-alone'],
  ['packages/gemini-emulator/src/a.ts', 'src/config/b.ts', 'packages-alone'],
  ['packages/gemini-emulator/src/b.ts', 'packages/testbed/c.ts', 'packages-alone'],
] as const;

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

function cruise(cwd: string, ...args: readonly string[]): string {
  const command = [DEPCRUISE, '--config', CONFIG, ...args];
  const { stdout, stderr } = spawnSync(process.execPath, command, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout || stderr;
}

function violationsIn(cwd: string): readonly string[] {
  const json = cruise(cwd, '--output-type', 'json', 'src', 'test/support', 'packages');
  const { summary } = JSON.parse(json) as {
    summary: { violations: readonly Violation[] };
  };
  return summary.violations.map(({ from, rule }) => `${rule.name}: ${from}`);
}

describe('the import rules', () => {
  let folder: TemporaryFolder;
  let violations: readonly string[];

  beforeAll(async () => {
    folder = await temporaryFolder('imports');
    for (const file of [CONFIG, 'tsconfig.json']) {
      cpSync(join(ROOT, file), join(folder.path, file));
    }
    for (const [from, to] of WRONG) {
      const target = join(folder.path, to);
      const up = '../'.repeat(from.split('/').length - 1);
      write(target, 'export const x = 1;\n');
      write(join(folder.path, from), `import { x } from '${up}${to}';\nx;\n`);
    }
    violations = violationsIn(folder.path);
  }, 120_000);

  afterAll(() => folder.remove());

  it('hold in the repository', () => {
    expect(violationsIn(ROOT)).toEqual([]);
  }, 120_000);

  it.each(WRONG)('refuse %s that imports %s', (from, _to, rule) => {
    expect(violations).toContain(`${rule}: ${from}`);
  });

  it('draw the graph in ARCHITECTURE.md: `npm run graph` prints it', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const { stdout } = spawnSync('npm', ['run', '--silent', 'graph'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(scripts['graph']).toContain(CONFIG);
    const page = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
    const [, drawn] = /```mermaid\n([\s\S]*?)```/.exec(page) ?? [];
    expect(drawn?.trim()).toBe(stdout.trim());
  }, 120_000);
});

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
