import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { BRIDGE_FLAGS } from '../../packages/testbed/src/bridge.js';

const ROOT = join(import.meta.dirname, '..', '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

describe('the V8 flags of the bridge', () => {
  it('are in npm start', () => {
    const { scripts } = JSON.parse(read('package.json')) as {
      scripts: { start: string };
    };
    expect(scripts.start).toBe(`node ${BRIDGE_FLAGS.join(' ')} dist/main.js`);
  });

  it("are in the image's ENTRYPOINT", () => {
    const [, command = ''] =
      /^ENTRYPOINT (.*)$/m.exec(
        read('Dockerfile')
          .split(/^FROM /m)
          .at(-1) ?? '',
      ) ?? [];
    expect(JSON.parse(command)).toEqual(['node', ...BRIDGE_FLAGS, '/app/dist/main.js']);
  });

  it('are known to this Node.js', () => {
    const args = [...BRIDGE_FLAGS, '--eval', ''];
    expect(spawnSync(process.execPath, args)).toMatchObject({ status: 0 });
  });
});
