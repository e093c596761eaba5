import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawnManaged } from '../../../packages/testbed/src/process/spawn.js';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../../../packages/testbed/src/process/temporary-folder.js';
import {
  startSandbox,
  type SandboxOptions,
} from '../../../tools/image/sandbox/sandbox.js';
import { isAlive } from '../../../packages/testbed/src/process/processes.js';
import { until } from '../../../packages/testbed/src/until.js';
import { describeSandboxed } from '../../support/sandboxed.js';

let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await temporaryFolder('gemini-kafka-bridge-test');
});

afterAll(async () => {
  await folder.remove();
});

async function run(script: string, options: Partial<SandboxOptions> = {}) {
  await using sandbox = await startSandbox({ command: ['sh', '-c', script], ...options });
  const exit = await sandbox.exited;
  return { ...exit, lines: sandbox.lines };
}

/** Ids of the processes of this machine whose command line has the text. */
const pidsWith = (text: string) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);

const HANDLING = `
  process.on('SIGTERM', () => process.exit(7));
  setInterval(() => undefined, 1000);
  console.log('up');`;

describeSandboxed('a sandbox', () => {
  it('is process 1 of another user, without capabilities', async () => {
    const { lines } = await run('echo $$; id -u; id -G; cat /proc/self/status');
    expect(lines.slice(0, 3)).toEqual(['1', '65532', '65532']);
    const status = Object.fromEntries(lines.slice(3).map((line) => line.split(':\t')));
    expect(status).toMatchObject({
      CapPrm: '0000000000000000',
      CapEff: '0000000000000000',
      CapBnd: '0000000000000000',
      NoNewPrivs: '1',
    });
  });

  it('has the given groups, environment and working directory', async () => {
    const { lines } = await run('id -u; id -g; id -G; pwd; env', {
      uid: 1234,
      gid: 1235,
      groups: [1236],
      cwd: '/tmp',
      env: { A: "it's", PATH: '/app/bin:/bin' },
    });
    expect(lines.slice(0, 4)).toEqual(['1234', '1235', '1235 1236', '/tmp']);
    const names = lines.slice(4).map((line) => line.split('=')[0]);
    expect(new Set(names)).toEqual(new Set(['A', 'PATH', 'PWD'])); // the last is the shell's
    expect(lines).toContain("A=it's");
    expect(lines).toContain('PATH=/opt/node/bin:/app/bin:/bin');
  });

  it('can write only to the writable mounts', async () => {
    for (const name of ['fixed', 'open'])
      mkdirSync(join(folder.path, name), { mode: 0o777 });
    writeFileSync(join(folder.path, 'fixed', 'file'), 'text');
    const open = join(folder.path, 'open');
    const { lines } = await run(
      'cat /app/file; for place in / /usr /etc /dev /app /tmp /data; do touch $place/x 2>/dev/null && echo $place; done',
      {
        mounts: [
          { from: join(folder.path, 'fixed'), to: '/app' },
          { from: open, to: '/data', writable: true },
          { to: '/tmp', sizeMiB: 1 },
        ],
        uid: 0, // Even root cannot write: the root is mounted read-only
        gid: 0,
      },
    );
    expect(lines).toEqual(['text/tmp', '/data']);
    expect(readdirSync(open)).toEqual(['x']);
  });

  it('does not see other files and processes of this machine', async () => {
    const { lines } = await run(
      'ls /; cat /etc/shadow; ls /root; ls -d /proc/[0-9]* | wc -l',
    );
    expect(
      lines.filter((line) => /^(work|home|root|srv|mnt|var|\.outside)$/.test(line)),
    ).toEqual([]);
    expect(lines.filter((line) => /No such file/.test(line))).toHaveLength(2);
    expect(Math.max(...lines.map(Number).filter(Boolean))).toBeLessThan(5);
  });

  it('has the given Node.js', async () => {
    const script = '#!/bin/sh\necho another node';
    writeFileSync(join(folder.path, 'node'), script, { mode: 0o755 });
    const { lines } = await run('node -v', { node: join(folder.path, 'node') });
    expect(lines).toEqual(['another node']);
  });

  it('passes signals on, and reports its exit', async () => {
    const command = ['node', '-e', HANDLING];
    const sandbox = await startSandbox({ command });
    await until('the command', () => sandbox.lines.includes('up'));
    expect(sandbox.kill('SIGTERM')).toBe(true);
    expect(await sandbox.exited).toEqual({ code: 7, signal: null });
    expect(sandbox.kill('SIGTERM')).toBe(false);

    const stubborn = await startSandbox({ command: ['sleep', '86400'] });
    expect(await stubborn.stop(1)).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('ends the processes that it started', async () => {
    const marker = `${process.pid}01`;
    const sandbox = await startSandbox({
      command: ['sh', '-c', `setsid sleep 86400.${marker} & echo up; wait`],
    });
    await until(
      'the command and its child',
      () => sandbox.lines.includes('up') && pidsWith(`86400.${marker}`).length > 1,
    );
    sandbox.kill('SIGKILL');
    await sandbox.exited;
    expect(pidsWith(`86400.${marker}`).filter(isAlive)).toEqual([]);
  });

  it('reports why it was not made, or that it cannot run the command', async () => {
    const command = ['no-such-command'];
    const mounts = [{ from: folder.path, to: '/usr/no-such-place' }];
    await expect(startSandbox({ command, mounts })).rejects.toThrow(
      /not made:\n.*no-such-place/,
    );
    await using sandbox = await startSandbox({ command });
    expect(await sandbox.exited).toMatchObject({ code: 127 });
    expect(sandbox.lines.join()).toMatch(/no-such-command/);
  });

  it('ends when its parent is killed, also by SIGKILL', async () => {
    const marker = `${process.pid}02`;
    const lines: string[] = [];
    const parent = spawnManaged({
      command: process.execPath,
      args: ['--import', 'tsx', join(import.meta.dirname, 'doomed-parent.ts'), marker],
      env: { ...process.env, TMPDIR: folder.path },
      output: (line, from) => void (from === 'stdout' && lines.push(line)),
    });
    await until('the pid of the sandbox', () => lines.length > 0);
    const pid = Number(lines[0]);
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await parent.exited;
    await until(
      'the end of all processes',
      () => !isAlive(pid) && !pidsWith(`86400.${marker}`).some(isAlive),
    );
    await until(
      'the removal of the folder',
      () => !readdirSync(folder.path).some((name) => name.includes('sandbox')),
      { state: () => readdirSync(folder.path) },
    );
  }, 120_000);
});
