import { statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { freePort } from '../../packages/testbed/src/process/free-ports.js';
import { run, type RunResult } from '../../packages/testbed/src/process/run.js';
import { parseOptions } from '../../tools/dev/options.js';

const ROOT = join(import.meta.dirname, '..', '..');

describe('npm run dev', () => {
  it('answers --help without a build', async () => {
    const before = builtMs();
    const { ok, output } = await runDev('--help');
    expect(output).toContain('npm run dev -- [--keep]');
    expect(ok).toBe(true);
    expect(builtMs()).toBe(before);
  });

  it('names a port in use and its option, without a build', async () => {
    const before = builtMs();
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve));
    try {
      const { ok, output } = await runDev('--internal-port', String(port));
      expect(output).toContain(
        `127.0.0.1:${port} is taken: choose another port with --internal-port`,
      );
      expect(ok).toBe(false);
    } finally {
      server.close();
    }
    expect(builtMs()).toBe(before);
  });

  it('has fixed ports by default', () => {
    expect(parseOptions([])).toEqual({
      keep: false,
      folder: '.dev',
      ports: { public: 8080, internal: 8081, gemini: 8090, kafka: 9092 },
    });
    expect(parseOptions(['--keep', '--kafka-port', '29092'])).toMatchObject({
      keep: true,
      ports: { kafka: 29092 },
    });
  });

  it.each([
    [['--nope'], /--nope/],
    [['--port', '0'], '--port is a port from 1 to 65535, not 0'],
    [['--gemini-port', 'x'], '--gemini-port is a port from 1 to 65535, not x'],
  ])('refuses %j', (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
  });
});

function builtMs(): number {
  return statSync(join(ROOT, 'dist', 'main.js')).mtimeMs;
}

function runDev(...args: string[]): Promise<RunResult> {
  return run('npm', ['run', '--silent', 'dev', '--', ...args], { cwd: ROOT });
}
