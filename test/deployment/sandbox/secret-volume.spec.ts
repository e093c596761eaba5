import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../../../packages/testbed/src/process/temporary-folder.js';
import { startSandbox } from '../../../tools/image/sandbox/sandbox.js';
import { SecretVolume } from '../../../tools/image/sandbox/secret-volume.js';
import { until } from '../../../packages/testbed/src/until.js';
import { describeSandboxed } from '../../support/sandboxed.js';

let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await temporaryFolder('gemini-kafka-bridge-test');
});

afterAll(async () => {
  await folder.remove();
});

const place = (name: string) => join(folder.path, name);

describe('a Secret as kubelet writes it', () => {
  it('consists of links into the newest folder, which an update replaces', async () => {
    const path = place('one');
    const volume = await SecretVolume.create(path, { a: '1', b: '2' }, { mode: 0o400 });
    const before = readlinkSync(join(path, '..data'));
    expect(before).toMatch(/^\.\.\d{4}(_\d\d){5}\.\d+$/);
    expect(readlinkSync(join(path, 'a'))).toBe('..data/a');
    expect(statSync(join(path, 'a')).mode & 0o777).toBe(0o400);

    const held = lstatSync(join(path, 'a')).ino;
    await volume.update({ a: '3', c: '4' });
    const after = readlinkSync(join(path, '..data'));
    expect(after).not.toBe(before);
    expect(lstatSync(join(path, 'a')).ino).toBe(held);
    expect(readFileSync(join(path, 'a'), 'utf8')).toBe('3');
    expect(readdirSync(path).toSorted()).toEqual(['..data', after, 'a', 'c'].toSorted());
  });

  it('has the folders of the items of a projected volume', async () => {
    const path = place('projected');
    const options = { mode: 0o400, fsGroup: 2000 };
    const volume = await SecretVolume.create(
      path,
      { 'a/b/value': '1', 'a/c': '2' },
      options,
    );
    expect(readlinkSync(join(path, 'a'))).toBe('..data/a');
    expect(statSync(join(path, 'a', 'b')).mode & 0o777).toBe(0o755);
    await volume.update({ 'a/b/value': '3' });
    expect(readFileSync(join(path, 'a', 'b', 'value'), 'utf8')).toBe('3');
    expect(readdirSync(join(path, 'a'))).toEqual(['b']);
  });
});

describeSandboxed('a Secret in a sandbox', () => {
  it('is readable by its group only, and updated while it is mounted', async () => {
    const options = { mode: 0o400, fsGroup: 2000 };
    const volume = await SecretVolume.create(place('two'), { key: 'old\n' }, options);
    const mounts = [{ from: volume.path, to: '/etc/bridge/key' }];
    const watching =
      'while read -r text < /etc/bridge/key/key; do echo $text; sleep 0.05; done';
    await using reader = await startSandbox({
      command: ['sh', '-c', watching],
      mounts,
      groups: [2000],
    });
    await until('the old content', () => reader.lines.at(-1) === 'old');
    await volume.update({ key: 'new\n' });
    await until('the new content', () => reader.lines.at(-1) === 'new');
    expect(new Set(reader.lines)).toEqual(new Set(['old', 'new']));

    await using other = await startSandbox({
      command: ['cat', '/etc/bridge/key/key'],
      mounts,
    });
    expect(await other.exited).toMatchObject({ code: 1 });
    expect(other.lines.join()).toMatch(/Permission denied/);
  });
});
