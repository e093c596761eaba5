import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';
import { runCli } from '../../src/cli/program.js';
import { startApp, type TestApp } from '../support/app.js';
import { hang, LoopbackServer, text } from '../support/loopback-server.js';
import { OTHER_SECRET, SECRET } from '../support/sender.js';
import { temporaryFile, type TemporaryFile } from '../support/temporary-file.js';

let app: TestApp;
let keys: TemporaryFile;
let strange: LoopbackServer;

beforeAll(async () => {
  app = await startApp();
  keys = temporaryFile(`c1:${Buffer.alloc(32, 'c').toString('base64url')}`);
  strange = await LoopbackServer.start();
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await strange[Symbol.asyncDispose]();
  keys[Symbol.dispose]();
});

beforeEach(() => {
  app.publisher.reset();
  strange.requests.length = 0;
});

async function deliver(url: string, args: string[] = [], env = {}) {
  const printed = { out: '', err: '' };
  const code = await runCli(['deliver', '--url', url, '--wait', '0', ...args], {
    env: { WEBHOOK_SECRETS: SECRET, ...env },
    out: (line) => void (printed.out += line),
    err: (line) => void (printed.err += line),
  });
  return { code, ...printed };
}

const silent = () => undefined;

describe('deliver', () => {
  it('checks that a bridge accepts a delivery, recognizes its repeat and refuses forgeries', async () => {
    expect(await deliver(`${app.url}/`)).toEqual({
      code: 0,
      err: '',
      out: [
        'signed: 200 published',
        'repeated: 200 duplicate',
        'forged: 401 signature-mismatch',
        'forged for a job: 401 capability-invalid\n',
      ].join('\n'),
    });
    expect(app.publisher.records).toMatchObject([
      { topic: 'gemini.other', headers: { ce_type: 'bridge.synthetic' } },
    ]);
    const { value, headers } = app.publisher.records[0]!;
    // The package of the Standard Webhooks specification verifies the delivery too
    expect(new Webhook(SECRET).verify(value, headers)).toMatchObject({ version: 'v1' });
  });

  it('prints the same result as JSON', async () => {
    const { out } = await deliver(app.url, ['--json']);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      webhookId: expect.stringMatching(/^msg_synthetic_/),
      deliveries: [
        { name: 'signed', ok: true, status: 200, reason: 'published', tries: 1 },
        { name: 'repeated', ok: true, status: 200, reason: 'duplicate' },
        { name: 'forged', ok: true, status: 401 },
        { name: 'forged for a job', ok: true, status: 401 },
      ],
    });
  });

  it('signs with the newest secret of the file', async () => {
    using file = temporaryFile(`# newest first\n${OTHER_SECRET}\n${SECRET}\n`);
    const env = { WEBHOOK_SECRETS: undefined, WEBHOOK_SECRETS_FILE: file.path };
    expect((await deliver(app.url, [], env)).code).toBe(1);
    file.write(`${SECRET}\n${OTHER_SECRET}\n`);
    expect((await deliver(app.url, [], env)).code).toBe(0);
  });

  it('sends only forgeries without a secret to sign with', async () => {
    const env = { WEBHOOK_SECRETS: undefined, CAPABILITY_KEYS_FILE: keys.path };
    const { code, out } = await deliver(app.url, [], env);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^forged: 401 .*\nforged for a job: 401 .*\nthis environment has no static/,
    );
    expect(app.publisher.records).toEqual([]);
  });

  it('waits for the secret of a declared webhook that is not registered yet', async () => {
    using folder = temporaryFile('');
    const vault = {
      WEBHOOK_SECRETS: '',
      VAULT_KEYS_FILE: keys.path,
      VAULT_FILE: `${folder.path}-vault`,
    };
    await using gemini = await GeminiEmulator.start();
    await using sealed = await startApp(vault);
    const env = { ...vault, WEBHOOKS: '[{"name": "main"}]' };
    const { code, out } = await deliver(sealed.url, [], env);
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/vault has no secret of them/),
    ]);

    const delivered = deliver(sealed.url, ['--wait', '20'], env);
    await runCli(['webhooks', 'ensure'], {
      env: {
        ...env,
        KAFKA_BROKERS: '127.0.0.1:1',
        API_AUTH: 'none',
        PUBLIC_URL: 'https://bridge.example',
        GEMINI_URL: gemini.url,
        GEMINI_API_KEY: gemini.apiKey,
        CAPABILITY_KEYS_FILE: keys.path,
      },
      out: silent,
      err: silent,
    });
    expect(await delivered).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^signed: 200 published\n/),
    });
  });

  it('waits for a bridge that is not ready yet', async () => {
    const answers = [
      text(503, reason('log-behind'), { 'retry-after': '0' }),
      text(200, '{"status":"published"}'),
      text(200, '{"status":"duplicate"}'),
      text(401, reason('signature-mismatch')),
      text(401, reason('capability-invalid')),
    ];
    strange.answer = (...each) => answers.shift()?.(...each);
    const { code, out } = await deliver(strange.url, ['--wait', '20']);
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^signed: 200 published, after 2 tries\n/),
    ]);
  });

  it.each([
    ['no answer', hang, /^signed: no answer within 1 s.*\nlook at: is http/],
    [
      'a redirect',
      text(302, '', { location: 'https://other.example/x' }),
      /^signed: 302.*\n.*redirects to "https:\/\/other\.example\/x", which/,
    ],
    [
      'an answer of another server',
      text(404, '<html>'),
      /^signed: 404 "<html>".*\n.*is not the bridge/,
    ],
    ['an unknown path', text(404, reason('not-found')), /strip the path of PUBLIC_URL/],
    [
      'unavailable Kafka',
      text(503, reason('kafka-unavailable')),
      /^signed: 503 kafka.*\n.*config check --connect/,
    ],
    ['other secrets', text(401, reason('signature-mismatch')), /has another secret/],
    [
      'a reason without advice',
      text(413, reason('body-too-large')),
      /docs\/reference\/webhooks\.md/,
    ],
  ])('gives advice on a refusal: %s', async (_, answer, said) => {
    strange.answer = answer;
    const { code, out } = await deliver(strange.url, ['--timeout', '1']);
    expect([code, out]).toEqual([1, expect.stringMatching(said)]);
    expect(out).not.toContain(SECRET.slice(6, 20));
    expect(strange.requests).toHaveLength(1);
  });

  it('reports that no server listens', async () => {
    const { code, out } = await deliver('http://127.0.0.1:1');
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/^signed: .+\nlook at: is http:.*public port/),
    ]);
  });

  it('reports a bridge that accepts forged deliveries', async () => {
    strange.answer = text(200, '{"status":"published"}');
    const env = { WEBHOOK_SECRETS: undefined, CAPABILITY_KEYS_FILE: keys.path };
    const { code, out } = await deliver(strange.url, [], env);
    expect([code, out]).toEqual([1, expect.stringMatching(/accepts forged deliveries/)]);
  });

  it('reports a bridge that publishes a repeat', async () => {
    strange.answer = text(200, '{"status":"published"}');
    const { code, out } = await deliver(strange.url);
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/duplicate was published again/),
    ]);
  });

  it.each([['bridge:8080'], ['ftp://x'], ['http://']])(
    'refuses the URL %s',
    async (url) => {
      expect(await deliver(url)).toMatchObject({
        code: 2,
        err: expect.stringMatching(/--url.*want http/s),
      });
    },
  );

  it('reports that the environment has no secret', async () => {
    const { code, err } = await deliver(app.url, [], { WEBHOOK_SECRETS: undefined });
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/WEBHOOK_SECRETS: got nothing/),
    ]);
  });
});

function reason(code: string): string {
  return JSON.stringify({ status: 'refused', reason: code });
}
