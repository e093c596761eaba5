import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { BRIDGE_FLAGS, bridgeOf } from '../../../packages/testbed/src/bridge.js';
import { startContainer, type ContainerOptions } from '../../../tools/image/container.js';
import { parseDockerfile } from '../../../tools/image/dockerfile.js';
import { image, type Image } from '../../../tools/image/image.js';
import { describeSandboxed } from '../../support/sandboxed.js';
import { SECRET } from '../../support/sender.js';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const MAX_MIB = 60;
const ENV = {
  PORT: '0',
  INTERNAL_PORT: '0',
  HOST: '127.0.0.1',
  KAFKA_BROKERS: '127.0.0.1:1',
  WEBHOOK_SECRETS: SECRET,
  API_AUTH: 'none',
};

let bridge: Image;
let files: { path: string; mode: number; uid: number; size: number; isLink: boolean }[];

beforeAll(async () => {
  bridge = await image();
  files = readdirSync(bridge.root, { recursive: true, encoding: 'utf8' }).map((path) => {
    const stat = lstatSync(join(bridge.root, path));
    const { mode, uid, size } = stat;
    return { path, mode, uid, size, isLink: stat.isSymbolicLink() };
  });
}, 600_000);

interface LockedPackage {
  readonly dev?: boolean;
  /** True for the link to a workspace. */
  readonly link?: boolean;
}

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

const lockIn = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Lock;

const cli = async (args: string[], options: ContainerOptions = {}) => {
  const command = ['gemini-kafka-bridge', ...args];
  await using process = await startContainer(bridge, { command, ...options });
  const { code } = await process.exited;
  return { code, text: process.lines.join('\n') };
};

describe('the image', () => {
  it('has only the files that the bridge needs', () => {
    expect(readdirSync(bridge.root)).toEqual(['app']);
    expect(readdirSync(join(bridge.root, 'app')).toSorted()).toEqual(
      ['LICENSE', 'bin', 'dist', 'node_modules', 'package.json'].toSorted(),
    );
    expect(files.filter(({ path }) => /\.(map|[mc]?ts)$/.test(path))).toEqual([]);
    // Compiled files would not run on other processors than that of the build
    expect(files.filter(({ path }) => /\.(node|so|wasm)$/.test(path))).toEqual([]);
    expect(readlinkSync(join(bridge.root, 'app/bin/gemini-kafka-bridge'))).toBe(
      '../dist/cli.js',
    );
  });

  it('has exactly the locked packages of production', () => {
    const locked = Object.entries(lockIn(join(ROOT, 'package-lock.json')).packages);
    const wanted = locked.filter(
      ([path, { dev, link }]) => path.startsWith('node_modules/') && !dev && !link,
    );
    const there = lockIn(join(bridge.root, 'app/node_modules/.package-lock.json'));
    expect(Object.keys(there.packages).toSorted()).toEqual(
      wanted.map(([path]) => path).toSorted(),
    );
  });

  it('has files that every user can read and only root can write', () => {
    const builder = process.geteuid?.(); // root, where an engine builds it
    const bad = files.filter(({ mode, uid, isLink }) => {
      const isReadable = (mode & 0o004) !== 0;
      const isWritable = (mode & 0o022) !== 0;
      return !isLink && (uid !== builder || !isReadable || isWritable);
    });
    expect(bad.map(({ path }) => path)).toEqual([]);
  });

  it('is small', () => {
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    expect(bytes / 2 ** 20).toBeLessThan(MAX_MIB);
  });

  it('has an entrypoint, a user, ports and labels', () => {
    const { env, user, entrypoint, exposed, labels } = bridge.config;
    expect(user).toBe('65532:65532');
    expect(entrypoint).toEqual(['node', ...BRIDGE_FLAGS, '/app/dist/main.js']);
    expect(exposed).toEqual(['8080', '8081']);
    expect(env).toMatchObject({ NODE_ENV: 'production', PATH: /^\/app\/bin:/ });
    expect(labels).toMatchObject({
      'org.opencontainers.image.title': 'gemini-kafka-bridge',
      'org.opencontainers.image.version': '0.0.0',
      'org.opencontainers.image.revision': 'unknown',
      'org.opencontainers.image.created': expect.stringMatching(/^\d{4}-/),
    });
  });
});

describeSandboxed('the image, run as user 65532 on a read-only root', () => {
  it('starts, answers the liveness probe, serves its documentation, and exits with 0 on SIGTERM', async () => {
    await using container = await startContainer(bridge, { env: ENV });
    const running = await bridgeOf(container, container.lines);
    const status = async (path: string) =>
      (await fetch(`${running.internalUrl}${path}`)).status;
    expect(await status('/health/live')).toBe(200);
    expect(await status('/health/ready')).toBe(503);
    expect(await status('/docs/swagger-ui-bundle.js')).toBe(200);
    expect(await status('/metrics')).toBe(200);
    container.kill('SIGTERM');
    expect(await container.exited).toEqual({ code: 0, signal: null });
    expect(container.lines.filter((line) => !line.startsWith('{'))).toEqual([]);
  });

  it('runs with the Node.js of its base image', async () => {
    const { stages, args } = parseDockerfile(
      readFileSync(join(ROOT, 'Dockerfile'), 'utf8'),
    );
    expect(args.map(({ text }) => text)).toEqual(['NODE_IMAGE=node:24-slim']);
    expect(stages.at(-1)?.base).toBe('${NODE_IMAGE}');
    await using container = await startContainer(bridge, {
      command: ['node', '--version'],
    });
    await container.exited;
    expect(container.lines).toEqual([expect.stringMatching(/^v24\./)]);
  });

  it('has the command line under its name', async () => {
    expect(await cli(['--help'])).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^Usage: gemini-kafka-bridge.*deliver/s),
    });
    expect(await cli(['config', 'check'], { env: ENV })).toMatchObject({ code: 0 });
    expect((await cli(['keys', 'generate'])).text).toMatch(/^k\d{8}:/);
  });

  it('cannot change its own files', async () => {
    const command = [
      'sh',
      '-c',
      'touch /app/x /app/dist/main.js /app/node_modules/zod/x; touch /tmp/x',
    ];
    await using container = await startContainer(bridge, { command });
    expect(await container.exited).toMatchObject({ code: 0 });
    expect(container.lines).toHaveLength(3);
    const refusal = /Read-only file system|Permission denied/;
    expect(container.lines.filter((line) => !refusal.test(line))).toEqual([]);
  });
});
