import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { build, type BuildOptions } from '../../../tools/image/build.js';
import { BuildContext } from '../../../tools/image/context.js';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../../../packages/testbed/src/process/temporary-folder.js';

let folder: TemporaryFolder;
let stages: string;

beforeEach(async () => {
  folder = await temporaryFolder('gemini-kafka-bridge-test');
  stages = join(folder.path, 'stages');
  for (const name of ['stages', 'src', '.git']) mkdirSync(join(folder.path, name));
  file('.dockerignore', '# few\n*\n!src\n!a.txt\n');
  file('a.txt', 'a');
  file('src/b.txt', 'b');
  file('.git/config', 'secret');
});

afterEach(async () => {
  await folder.remove();
});

const file = (name: string, text: string) => writeFileSync(join(folder.path, name), text);

function carryOut(dockerfile: string, options: BuildOptions = {}) {
  file('Dockerfile', dockerfile);
  return build(new BuildContext(folder.path), stages, options);
}

describe('a Dockerfile', () => {
  it('is carried out stage by stage, without the stages that are not needed', async () => {
    const dockerfile = `
# a comment
ARG BASE=node:24-slim
FROM --platform=$BUILDPLATFORM \${BASE} AS first
WORKDIR /app
COPY a.txt src/b.txt ./
COPY src deep/src
RUN echo one > c.txt \\
  # between
  && echo two >> c.txt
FROM first AS unused
RUN exit 1
FROM \${BASE}
ARG VERSION=0
ENV GREETING=hello
ENV PATH=/app/bin:$PATH
WORKDIR /app
COPY --from=first /app/c.txt ./
COPY --from=first /app/deep .
RUN echo "$GREETING $VERSION" > d.txt
LABEL version="\${VERSION}"
EXPOSE 1 2
USER 5:6
ENTRYPOINT ["node", "x"]
`;
    const { root, config } = await carryOut(dockerfile, { args: { VERSION: '7' } });
    const text = (path: string) => readFileSync(join(root, 'app', path), 'utf8');
    expect([text('c.txt'), text('d.txt'), text('src/b.txt')]).toEqual([
      'one\ntwo\n',
      'hello 7\n',
      'b',
    ]);
    expect(existsSync(join(root, 'app/a.txt'))).toBe(false);
    expect(statSync(join(root, 'app')).mode & 0o777).toBe(0o755);
    expect(config).toEqual({
      env: {
        GREETING: 'hello',
        PATH: '/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      },
      workdir: '/app',
      user: '5:6',
      entrypoint: ['node', 'x'],
      labels: { version: '7' },
      exposed: ['1', '2'],
    });
  });

  it('can be carried out up to a named stage', async () => {
    const dockerfile = 'FROM x AS one\nWORKDIR /a\nFROM x AS two\nRUN exit 1';
    expect((await carryOut(dockerfile, { target: 'one' })).config.workdir).toBe('/a');
    await expect(carryOut(dockerfile, { target: 'three' })).rejects.toThrow(
      /no stage three/,
    );
  });

  it.each([
    ['FROM x\nCOPY .git git', /dockerignore excludes \.git/],
    ['FROM x\nCOPY .. all', /dockerignore excludes \.\./],
    ['FROM x\nCOPY a.txt /etc/', /want a relative target/],
    ['FROM x\nCOPY --chown=1 a.txt ./', /does not know --chown/],
    ['FROM x\nCOPY --from=y a ./', /no stage y/],
    ['FROM x\nHEALTHCHECK NONE', /line 2, HEALTHCHECK NONE: tools\/image does not know/],
    ['FROM x\nENTRYPOINT node x', /a shell does not pass signals on/],
    ['FROM x\nRUN echo no; exit 3', /RUN .* failed:\nno/],
    ['RUN x', /after the first FROM/],
    ['FROM x y z', /want FROM x/],
    ['FROM x\nLABEL a=b c=d', /want one name=value/],
  ])('is refused with its reason: %j', async (dockerfile, why) => {
    await expect(carryOut(dockerfile)).rejects.toThrow(why);
  });

  it.each(['src', '*\n!**/x', '*\nsrc', ''])(
    'needs a .dockerignore of another form than %j',
    (text) => {
      file('.dockerignore', text);
      expect(() => new BuildContext(folder.path)).toThrow(/want \* and then only/);
    },
  );
});
