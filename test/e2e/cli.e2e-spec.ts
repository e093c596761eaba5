import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';
import { GoogleKeys } from '../../packages/gemini-emulator/src/deliveries/signing.js';
import { runCli } from '../../src/cli/program.js';
import { parseKeyring } from '../../src/infrastructure/files/keyring.js';
import { issueCapability } from '../../src/signature/capability.js';
import { json as answering, LoopbackServer } from '../support/loopback-server.js';
import {
  claimsNow,
  eventBody,
  nowSeconds,
  OTHER_SECRET,
  SECRET,
  signedBytes,
  signedToken,
  signedV1,
  signedV1a,
  type Signed,
} from '../support/sender.js';

const AUDIENCE = 'our-audience';

let gemini: GeminiEmulator;
let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  gemini = await GeminiEmulator.start();
  folder = mkdtempSync(join(tmpdir(), 'bridge-cli-'));
  env = {
    KAFKA_BROKERS: '127.0.0.1:1',
    API_AUTH: 'none',
    PUBLIC_URL: 'https://bridge.example',
    GEMINI_URL: gemini.url,
    GEMINI_API_KEY: gemini.apiKey,
    JWKS_URL: gemini.jwksUrl,
    CAPABILITY_KEYS_FILE: file('capability', keyLine('c1')),
    VAULT_KEYS_FILE: file('vault-keys', keyLine('v1')),
    VAULT_FILE: join(folder, 'vault'),
    WEBHOOK_SECRETS: SECRET,
  };
});

afterAll(async () => {
  await gemini.stop();
  rmSync(folder, { recursive: true });
});

const liveSecrets = () => gemini.webhooks.all().map(({ secrets }) => secrets.live());

const keyLine = (kid: string) => `${kid}:${randomBytes(32).toString('base64url')}`;

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function run(args: string[], more: Record<string, string | undefined> = {}) {
  const printed = { out: '', err: '' };
  const code = await runCli(args, {
    env: { ...env, ...more },
    out: (text) => void (printed.out += text),
    err: (text) => void (printed.err += text),
  });
  return { code, ...printed };
}

async function json(args: string[], more: Record<string, string | undefined> = {}) {
  const { out, ...rest } = await run([...args, '--json'], more);
  return { ...rest, json: JSON.parse(out) as unknown };
}

describe('gemini-kafka-bridge', () => {
  it('prints its commands, and names an unknown command', async () => {
    const help = await run(['--help']);
    expect(help.code).toBe(0);
    for (const word of ['webhooks', 'topics', 'config', 'keys', 'verify']) {
      expect(help.out).toContain(word);
    }
    expect((await run(['verify', '--help'])).out).toMatch(/bodyBase64/);
    expect(await run(['webhook'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/unknown command.*webhooks/s),
    });
    expect((await run(['webhooks', 'rotate'])).code).toBe(2);
  });

  it('checks the configuration as the bridge does', async () => {
    expect(await run(['config', 'check'])).toMatchObject({ code: 0, err: '' });
    const bad = await run(['config', 'check'], { PORT: 'x', VAULT_KEYS_FILE: undefined });
    expect(bad.code).toBe(1);
    expect(bad.err).toMatch(
      /PORT: got x; .*VAULT_KEYS_FILE: got nothing; .*because VAULT_FILE is set/s,
    );
    expect(bad.err).not.toContain(SECRET);
  });

  it('makes keys in the form of the key files', async () => {
    const { out } = await run(['keys', 'generate', '--kid', 'k7']);
    expect([...parseKeyring(out).keys()]).toEqual(['k7']);
    expect((await run(['keys', 'generate'])).out).toMatch(/^k\d{8}:/);
    expect((await run(['keys', 'generate', '--kid', 'a b'])).code).toBe(1);
  });

  it('reports that no broker answers', async () => {
    const { code, err } = await run(['topics', 'check']);
    expect(code).toBe(1);
    expect(err).toMatch(
      /^KAFKA_BROKERS: got 127\.0\.0\.1:1, where nothing listens \(ECONNREFUSED\)/,
    );
  });
});

describe('webhooks', () => {
  const DECLARED = { WEBHOOKS: '[{"name":"main"}]' };

  it('are ensured, listed, rotated and pinged', async () => {
    const ensured = await json(['webhooks', 'ensure'], DECLARED);
    expect(ensured).toMatchObject({ code: 0, json: { ok: true } });
    const listed = await json(['webhooks', 'list']);
    const { webhooks } = listed.json as { webhooks: { id: string }[] };
    const [{ id } = { id: '' }] = webhooks;
    expect(webhooks).toMatchObject([
      { name: 'main [gemini-kafka-bridge/bridge.example]', state: 'enabled' },
    ]);
    const rotated = await run(['webhooks', 'rotate', id]);
    expect(rotated).toMatchObject({ code: 0, err: '' });
    expect(rotated.out).toMatch(/newest.*until 20/s);
    const [secret = ''] = gemini.webhooks.get(id).secrets.live();
    expect(rotated.out).not.toContain(secret.slice(6, 20));
    expect(await run(['webhooks', 'rotate', id])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^rotation-under-way: .*live until/),
    });
    const forced = await run(['webhooks', 'rotate', id, '--force', '--immediately']);
    expect(forced.code).toBe(0);
    expect(gemini.webhooks.get(id).secrets.live()).toHaveLength(1);
    expect((await run(['webhooks', 'ping', id])).code).toBe(0);
    // `verify` uses the secrets that the CLI has stored
    const secrets = gemini.webhooks.get(id).secrets.live();
    const capture = captured(signedV1({}, secrets));
    expect(await verify(capture)).toMatchObject({ code: 0 });
  });

  it.each(['ensure', 'report', 'off'])(
    'that Gemini has disabled are enabled each time, also with the mode %s',
    async (mode) => {
      const [webhook] = gemini.webhooks.all();
      const more = { ...DECLARED, WEBHOOKS_MODE: mode, WEBHOOKS_REVIVE_MAX: '0' };
      for (let n = 0; n < 3; n++) {
        webhook!.state = 'disabled_due_to_failed_deliveries';
        const ensured = await run(['webhooks', 'ensure'], more);
        expect(ensured).toMatchObject({ code: 0, err: '' });
        expect(ensured.out).toMatch(/main\s+enabled\s+as declared/);
        expect(gemini.webhooks.get(webhook!.id).state).toBe('enabled');
      }
    },
  );

  it('are registered although the mode of the bridge is report', async () => {
    const missing = '[{"name":"second","url":"https://bridge.example/second"}]';
    const report = { WEBHOOKS: missing, WEBHOOKS_MODE: 'report' };
    expect((await run(['webhooks', 'ensure'], report)).code).toBe(0);
    const uris = gemini.webhooks.all().map(({ uri }) => uri);
    expect(uris).toContain('https://bridge.example/second');
  });

  it('are not changed without a vault, which has to keep a new secret', async () => {
    const none = { VAULT_KEYS_FILE: undefined, VAULT_FILE: undefined };
    const report = { ...DECLARED, ...none, WEBHOOKS_MODE: 'report' };
    const before = liveSecrets();
    expect(await run(['webhooks', 'ensure'], report)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^vault-not-configured: /),
    });
    expect(liveSecrets()).toEqual(before);
  });

  it('that cannot be made as declared lead to exit code 1', async () => {
    const report = { ...DECLARED, WEBHOOKS_MODE: 'report', WEBHOOKS_OWNER: 'other' };
    expect(await run(['webhooks', 'ensure'], report)).toMatchObject({
      code: 1,
      out: expect.stringMatching(
        /main\s+missing\s+is not there, and webhook .*same place/,
      ),
    });
  });

  it('cannot be listed with a wrong API key', async () => {
    const { code, err } = await run(['webhooks', 'list'], { GEMINI_API_KEY: 'wrong' });
    expect([code, err]).toEqual([1, expect.stringMatching(/^gemini-refused: /)]);
  });
});

interface Request {
  readonly path?: string;
  readonly headers?: Record<string, string | undefined>;
  readonly body?: string | Buffer;
  readonly method?: string;
}

let captures = 0;

/** Writes a request into a file as it is on the wire. @returns the path */
function captured({ headers, body }: Signed, change: Request = {}): string {
  const { path = '/webhooks/gemini', method = 'POST' } = change;
  const fields = Object.entries({ ...headers, ...change.headers })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${fields.join('')}\r\n`);
  return file(
    `capture-${captures++}`,
    Buffer.concat([head, Buffer.from(change.body ?? body)]),
  );
}

const verify = (
  path: string,
  more: Record<string, string | undefined> = {},
  ...args: string[]
) => run(['verify', path, ...args], more);

async function jobPath(kid?: string): Promise<string> {
  const line =
    kid === undefined
      ? readFileSync(env['CAPABILITY_KEYS_FILE'] ?? '', 'utf8')
      : keyLine(kid);
  const capability = { jobId: 'job-1', correlationId: 'c-1' };
  return `/webhooks/gemini/jobs/${await issueCapability(capability, parseKeyring(line))}`;
}

const signed = () => signedV1({ body: eventBody() });
const old = () => signedV1({ timestamp: nowSeconds() - 3600 });

describe('verify', () => {
  const WITH_AUDIENCE = { JWT_AUDIENCE: AUDIENCE };
  let strangers: GoogleKeys;
  let rsa: GoogleKeys;
  let jwks: LoopbackServer;

  beforeAll(async () => {
    strangers = GoogleKeys.create();
    rsa = GoogleKeys.create();
    jwks = await LoopbackServer.start(answering(rsa.jwks()));
  });

  afterAll(async () => {
    await jwks[Symbol.asyncDispose]();
  });

  it('prints the topic of an accepted request', async () => {
    const answer = await verify(captured(signedV1({ id: 'msg_1' })));
    expect(answer).toMatchObject({ code: 0, err: '' });
    expect(answer.out).toMatch(/^accepted: v1, key id [0-9a-f]{8}, webhook-id msg_1\n/);
    expect(answer.out).toMatch(/goes to gemini\.batch\.succeeded, about batches\/1/);
    const odd = await verify(captured(signedV1({ body: 'hello' })));
    expect(odd.out).toMatch(/goes to gemini-bridge\.dead-letter: not-json/);
    const path = await jobPath();
    expect((await verify(captured(signedV1a(gemini.keys), { path }))).code).toBe(0);
  });

  it('compares its result with the reference library', async () => {
    const accepted = await verify(captured(signed()));
    expect(accepted.out).toMatch(/the reference library \(standardwebhooks\) agrees\n$/);
    const refused = await verify(captured(signedV1({}, [OTHER_SECRET])));
    expect(refused.out).toMatch(/the reference library \(standardwebhooks\) agrees\n$/);
    // The library signs text, so its signature of bytes that are not UTF-8 differs
    const odd = captured(signedBytes(Buffer.from([0xff, 0x00, 0x7b])));
    expect((await verify(odd)).out).toMatch(
      /^accepted: .*disagrees: it signs text, and/s,
    );
    const { json: report } = await json(['verify', odd]);
    expect(report).toMatchObject({ ok: true, referenceAgrees: false });
    const path = await jobPath();
    const ofJob = await verify(captured(signedV1a(gemini.keys), { path }));
    expect(ofJob.out).not.toContain('reference library');
  });

  it('reads a capture in JSON', async () => {
    const { headers, body } = signedV1();
    const path = file(
      'capture.json',
      JSON.stringify({
        path: '/webhooks/gemini',
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]),
        ),
        bodyBase64: Buffer.from(body).toString('base64'),
      }),
    );
    expect((await verify(path)).code).toBe(0);
  });

  it.each(['no such file', '{', '{"path": 1}', 'hello', 'POST / HTTP/1.1\nnonsense\n\n'])(
    'refuses %j as a capture',
    async (content) => {
      const path =
        content === 'no such file' ? join(folder, content) : file('odd', content);
      expect(await verify(path)).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringMatching(/^the capture: got .*want an HTTP request/),
      });
    },
  );

  const pretty = JSON.stringify(JSON.parse(eventBody()), undefined, 2);

  it.each<[string, string, RegExp, () => string | Promise<string>, object?, string[]?]>([
    [
      'stale',
      'timestamp-stale',
      /36\d\d s before/,
      () => captured(old()),
      {},
      ['--at', 'now'],
    ],
    [
      'signed with another secret',
      'signature-mismatch',
      /none of the known secrets \(key ids .*another secret, or the body/,
      () => captured(signedV1({}, [OTHER_SECRET])),
    ],
    [
      'with no secret configured',
      'signature-mismatch',
      /no secret is configured/,
      () => captured(signed()),
      { WEBHOOK_SECRETS: undefined, VAULT_KEYS_FILE: undefined, VAULT_FILE: undefined },
    ],
    [
      'with an altered body',
      'signature-mismatch',
      /or the body, webhook-id or webhook-timestamp was altered/,
      () => captured(signed(), { body: eventBody('batch.failed') }),
    ],
    [
      'with a body that was parsed and serialized again',
      'signature-mismatch',
      /is that of the body as compact JSON/,
      () => captured(signed(), { body: pretty }),
    ],
    [
      'with a body that lost its newline',
      'signature-mismatch',
      /is that of the body with a newline behind it/,
      () => captured(signedV1({ body: `${eventBody()}\n` }), { body: eventBody() }),
    ],
    [
      'of a job at the static route',
      'signature-mismatch',
      /signature of a job's own webhook \(v1a\).*wrong route/,
      () => captured(signedV1a(gemini.keys)),
    ],
    [
      'of a static webhook at a job’s route',
      'signature-mismatch',
      /signature of a static webhook \(v1\).*wrong route/,
      async () => captured(signed(), { path: await jobPath() }),
    ],
    [
      'at an unknown path',
      'not-found',
      /the bridge has no route \/webhook:/,
      () => captured(signed(), { path: '/webhook' }),
    ],
    [
      'at a job’s path that another key signed',
      'capability-invalid',
      /signed with the key c0, which CAPABILITY_KEYS_FILE does not have \(it has c1\)/,
      async () => captured(signedV1a(gemini.keys), { path: await jobPath('c0') }),
    ],
    [
      'at a job’s path that was altered',
      'capability-invalid',
      /the key c1 did not sign the token in the path/,
      async () => captured(signedV1a(gemini.keys), { path: await jobPath('c1') }),
    ],
    [
      'that Google did not sign',
      'signature-mismatch',
      /none of the keys of Google made this signature/,
      async () => captured(signedV1a(strangers), { path: await jobPath() }),
    ],
    [
      'without a header',
      'header-missing',
      /the request has no webhook-id and no webhook-signature/,
      () =>
        captured(signed(), {
          headers: { 'webhook-id': undefined, 'webhook-signature': undefined },
        }),
    ],
    [
      'with a timestamp that is not a number',
      'header-malformed',
      /webhook-timestamp is "2026-01-01"; want seconds/,
      () => captured(signed(), { headers: { 'webhook-timestamp': '2026-01-01' } }),
    ],
    [
      'as a token without an audience configured',
      'token-audience',
      /JWT_AUDIENCE is not set/,
      async () =>
        captured(await signedToken(rsa, claimsNow()), { path: await jobPath() }),
    ],
    [
      'as a token for another audience',
      'token-audience',
      /the JWT names "theirs", and JWT_AUDIENCE is our-audience/,
      async () =>
        captured(await signedToken(rsa, claimsNow({ aud: 'theirs' })), {
          path: await jobPath(),
        }),
      WITH_AUDIENCE,
    ],
    [
      'as a token without an expiry',
      'token-invalid',
      /the JWT has no exp/,
      async () =>
        captured(await signedToken(rsa, claimsNow({ exp: undefined })), {
          path: await jobPath(),
        }),
      WITH_AUDIENCE,
    ],
    [
      'as a token whose event differs from the body',
      'body-mismatch',
      /claims of the token differ from the body/,
      async () => {
        const event = JSON.parse(eventBody()) as object;
        const token = await signedToken(rsa, claimsNow({ ...event }));
        return captured(token, {
          path: await jobPath(),
          body: eventBody('batch.failed'),
        });
      },
      WITH_AUDIENCE,
    ],
    [
      'when Google’s keys cannot be read',
      'keys-unavailable',
      /JWKS_URL: got http:\/\/127\.0\.0\.1:1\/jwks, from which.*cannot be read/,
      async () => captured(signedV1a(gemini.keys), { path: await jobPath() }),
      { JWKS_URL: 'http://127.0.0.1:1/jwks' },
    ],
  ])('explains a request %s', async (_, reason, why, capture, more = {}, args = []) => {
    const path = await capture();
    const withKeys = reason.startsWith('token') || reason === 'body-mismatch';
    const keys = withKeys ? { JWKS_URL: jwks.url } : {};
    const answer = await verify(path, { ...keys, ...more }, ...args);
    expect(answer.code).toBe(1);
    expect(answer.out).toMatch(new RegExp(`^refused: \\d{3} ${reason}\\n`));
    expect(answer.out).toMatch(why);
    expect(answer.out).not.toContain(SECRET.slice(6, 20));
  });
});
