import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';
import { startBridge } from '../../packages/testbed/src/bridge.js';
import { until } from '../../packages/testbed/src/until.js';
import { runCli } from '../../src/cli/program.js';
import type { Problem } from '../../src/config/problem.js';
import { startApp } from '../support/app.js';
import { OTHER_SECRET, SECRET } from '../support/sender.js';

const TLS = join(import.meta.dirname, '../../packages/testbed/src/kafka/tls');
const folder = mkdtempSync(join(tmpdir(), 'bridge-configuration-'));

afterAll(() => rmSync(folder, { recursive: true }));

const LEAST = {
  PORT: '0',
  INTERNAL_PORT: '0',
  KAFKA_BROKERS: '127.0.0.1:1',
  WEBHOOK_SECRETS: SECRET,
  API_AUTH: 'none',
};
const KEY = `k1:${Buffer.alloc(32, 'k').toString('base64url')}`;
const TOKEN = 'a-token-of-some-length';

let files = 0;

function file(content: string): string {
  const path = join(folder, `file-${files++}`);
  writeFileSync(path, content);
  return path;
}

const missing = join(folder, 'missing');
const directory = join(folder, 'directory');
mkdirSync(directory);
// A link to itself cannot be read even by root, which can read a file without permissions
const unreadable = join(folder, 'unreadable');
symlinkSync(unreadable, unreadable);

const WITHOUT_SECRET = { WEBHOOK_SECRETS: '' };
const CALLERS = { API_AUTH: '' };
const SENDING = {
  GEMINI_API_KEY: 'key',
  PUBLIC_URL: 'https://bridge.example',
  CAPABILITY_KEYS_FILE: file(KEY),
  VAULT_KEYS_FILE: file(KEY),
  VAULT_FILE: join(folder, 'vault'),
};

/** Text that is never shown: parts of secrets, and words of zod, Node and OpenSSL. */
const RAW =
  /Invalid|expected|received|Too (big|small)|ENOENT|EISDIR|getaddrinfo|listen E|PEM routines|at Object\.|node:|undefined|hunter2|a-token-of/;

interface Mistake {
  readonly env: Record<string, string>;
  readonly setting: string;
  readonly got: RegExp;
  readonly wants: RegExp;
  readonly remedy: RegExp;
}

/** Wrong configurations by their description, with the expected problem. */
const MISTAKES: Record<string, Mistake> = {
  'no brokers': {
    env: { KAFKA_BROKERS: '' },
    setting: 'KAFKA_BROKERS',
    got: /^nothing$/,
    wants: /^host:port, such as kafka-1:9092/,
    remedy: /set it to the brokers/,
  },
  'a secret that is none': {
    env: { WEBHOOK_SECRETS: 'hunter2!' },
    setting: 'WEBHOOK_SECRETS',
    got: /^8 characters without the prefix whsec_$/,
    wants: /whsec_<base64 of at least 24 bytes>/,
    remedy: /copy the secret that Gemini showed/,
  },
  'a secret that is no base64': {
    env: { WEBHOOK_SECRETS: `${OTHER_SECRET},whsec_***` },
    setting: 'WEBHOOK_SECRETS',
    got: /^entry 2 of 2: whsec_ and 3 characters that are no base64$/,
    wants: /whsec_<base64/,
    remedy: /copy the secret/,
  },
  'a secret that is too short': {
    env: { WEBHOOK_SECRETS: `whsec_${Buffer.alloc(18).toString('base64')}` },
    setting: 'WEBHOOK_SECRETS',
    got: /^whsec_ and 18 bytes$/,
    wants: /24 bytes/,
    remedy: /copy the secret/,
  },
  'an API token of five characters': {
    env: { ...CALLERS, API_TOKENS_FILE: file('# ours\nshort\n') },
    setting: 'API_TOKENS_FILE',
    got: /^line 2: a token of 5 characters$/,
    wants: /16 to 8192 visible ASCII characters/,
    remedy: /openssl rand/,
  },
  'a scope that does not exist': {
    env: { ...CALLERS, API_TOKENS_FILE: file(`${TOKEN} billing jobs:delete`) },
    setting: 'API_TOKENS_FILE',
    got: /^line 1: the scope jobs:delete that does not exist$/,
    wants: /jobs:write, jobs:read, webhooks:admin/,
    remedy: /correct the scope/,
  },
  'a capability key that is too short': {
    env: { CAPABILITY_KEYS_FILE: file('k1:c2hvcnQ') },
    setting: 'CAPABILITY_KEYS_FILE',
    got: /^line 1: a key of 7 characters after k1:, not of 43$/,
    wants: /kid:<base64url of 32 bytes>/,
    remedy: /keys generate/,
  },
  'a vault key without a name': {
    env: { ...SENDING, VAULT_KEYS_FILE: file('hunter2') },
    setting: 'VAULT_KEYS_FILE',
    got: /^line 1: 7 characters without the kid of a key/,
    wants: /kid:</,
    remedy: /keys generate/,
  },
  'one port for both listeners': {
    env: { PORT: '9090', INTERNAL_PORT: '9090' },
    setting: 'INTERNAL_PORT',
    got: /^9090, which PORT is as well$/,
    wants: /a port of its own/,
    remedy: /change PORT or INTERNAL_PORT/,
  },
  'a host that does not exist': {
    env: { HOST: 'foo.bar.invalid' },
    setting: 'HOST',
    got: /^foo\.bar\.invalid, which is no known host name/,
    wants: /an address of this machine/,
    remedy: /unset it for all addresses/,
  },
  'a host that is another machine': {
    env: { HOST: '192.0.2.1' },
    setting: 'HOST',
    got: /^192\.0\.2\.1, which is no address of this machine/,
    wants: /an address of this machine/,
    remedy: /unset it/,
  },
  'an event that does not exist': {
    env: { ...SENDING, WEBHOOKS: '[{"name":"main","events":["batch.done"]}]' },
    setting: 'WEBHOOKS',
    got: /^entry 1 \(main\) with the event batch\.done that the Gemini API does not have$/,
    wants: /batch\.succeeded, .*video\.generated/,
    remedy: /leave "events" out/,
  },
  'a file that does not exist': {
    env: { ...WITHOUT_SECRET, WEBHOOK_SECRETS_FILE: missing },
    setting: 'WEBHOOK_SECRETS_FILE',
    got: /\/missing, which does not exist$/,
    wants: /path of a file/,
    remedy: /create it/,
  },
  'a file that is a directory': {
    env: { ...WITHOUT_SECRET, WEBHOOK_SECRETS_FILE: directory },
    setting: 'WEBHOOK_SECRETS_FILE',
    got: /\/directory, which is a directory$/,
    wants: /path of a file/,
    remedy: /name a file in it/,
  },
  'a file that cannot be read': {
    env: { ...WITHOUT_SECRET, WEBHOOK_SECRETS_FILE: unreadable },
    setting: 'WEBHOOK_SECRETS_FILE',
    got: /\/unreadable, which cannot be read \(ELOOP\)$/,
    wants: /that the bridge can read/,
    remedy: /right to read it/,
  },
  'a file that is empty': {
    env: { ...WITHOUT_SECRET, WEBHOOK_SECRETS_FILE: file(' \n') },
    setting: 'WEBHOOK_SECRETS_FILE',
    got: /, which is empty$/,
    wants: /file with text/,
    remedy: /write its content/,
  },
  'a secret in the place of a path': {
    env: { ...WITHOUT_SECRET, WEBHOOK_SECRETS_FILE: 'hunter2-hunter2' },
    setting: 'WEBHOOK_SECRETS_FILE',
    got: /^15 characters that are no path of a file that exists$/,
    wants: /path of a file/,
    remedy: /write the content into a file/,
  },
  'a broker without a port': {
    env: { KAFKA_BROKERS: 'kafka' },
    setting: 'KAFKA_BROKERS',
    got: /^5 characters without a port$/,
    wants: /host:port/,
    remedy: /correct/,
  },
  'a broker with a port above 65535': {
    env: { KAFKA_BROKERS: 'kafka-1:9092,kafka-2:99999' },
    setting: 'KAFKA_BROKERS',
    got: /^entry 2 of 2: port 99999, which is not from 1 to 65535$/,
    wants: /host:port/,
    remedy: /correct/,
  },
  'a port above 65535': {
    env: { PORT: '70000' },
    setting: 'PORT',
    got: /^70000$/,
    wants: /whole number from 0 to 65535/,
    remedy: /the default, 8080/,
  },
  'ids that are forgotten too early': {
    env: { DEDUPE_TTL_HOURS: '24' },
    setting: 'DEDUPE_TTL_HOURS',
    got: /^24$/,
    wants: /from 25 to 8760, because Gemini redelivers an event for 24 hours/,
    remedy: /the default, 72/,
  },
  'a log level that does not exist': {
    env: { LOG_LEVEL: 'verbose' },
    setting: 'LOG_LEVEL',
    got: /^verbose$/,
    wants: /one of debug, info, warn, error/,
    remedy: /the default, info/,
  },
  'a store that does not exist': {
    env: { DEDUPE_STORE: 'kafka' },
    setting: 'DEDUPE_STORE',
    got: /^kafka$/,
    wants: /one of log, redis, memory/,
    remedy: /the default, log/,
  },
  'yes for true': {
    env: { KAFKA_TLS: 'yes' },
    setting: 'KAFKA_TLS',
    got: /^yes$/,
    wants: /one of true, false/,
    remedy: /unset it/,
  },
  'a mechanism in capitals': {
    env: { KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512' },
    setting: 'KAFKA_SASL_MECHANISM',
    got: /^13 characters$/,
    wants: /scram-sha-512/,
    remedy: /write it as scram-sha-512, in lower case/,
  },
  'a URL of Gemini that is none': {
    env: { GEMINI_URL: 'gemini' },
    setting: 'GEMINI_URL',
    got: /^6 characters without https:\/\/$/,
    wants: /an absolute URL/,
    remedy: /the default, https:\/\/generativelanguage/,
  },
  'a public URL without TLS': {
    env: { PUBLIC_URL: 'http://bridge.example' },
    setting: 'PUBLIC_URL',
    got: /^a URL that begins with http:\/\/$/,
    wants: /https:\/\/host\[\/path\].*http is for loopback/,
    remedy: /correct it, or unset it/,
  },
  'a public URL without a scheme': {
    env: { PUBLIC_URL: 'bridge.example' },
    setting: 'PUBLIC_URL',
    got: /^14 characters without https:\/\/$/,
    wants: /https:\/\/host/,
    remedy: /correct it/,
  },
  'a public URL with the path of the webhook': {
    env: { PUBLIC_URL: 'https://bridge.example/webhooks/gemini' },
    setting: 'PUBLIC_URL',
    got: /^a URL that ends in \/webhooks\/gemini$/,
    wants: /https:\/\/host\[\/path\]/,
    remedy: /remove \/webhooks\/gemini from it/,
  },
  'a key of Gemini without a public URL': {
    env: { GEMINI_API_KEY: 'key' },
    setting: 'PUBLIC_URL',
    got: /^nothing$/,
    wants: /because GEMINI_API_KEY is set/,
    remedy: /set PUBLIC_URL/,
  },
  'more in-sync replicas than replicas': {
    env: { TOPIC_REPLICATION: '1' },
    setting: 'TOPIC_MIN_ISR',
    got: /^2, which is larger than TOPIC_REPLICATION \(1\)/,
    wants: /at most 1/,
    remedy: /lower TOPIC_MIN_ISR/,
  },
  'records that are deleted before their ids are forgotten': {
    env: { TOPIC_RETENTION_HOURS: '24' },
    setting: 'TOPIC_RETENTION_HOURS',
    got: /^24, which is shorter than DEDUPE_TTL_HOURS \(72\)$/,
    wants: /the topics are the memory/,
    remedy: /lower DEDUPE_TTL_HOURS/,
  },
  'a mechanism without a user': {
    env: { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_PASSWORD: 'hunter2' },
    setting: 'KAFKA_SASL_USERNAME',
    got: /^nothing$/,
    wants: /user of KAFKA_SASL_MECHANISM/,
    remedy: /set KAFKA_SASL_USERNAME/,
  },
  'a certificate without its key': {
    env: { KAFKA_TLS_CERT_FILE: join(TLS, 'client.pem') },
    setting: 'KAFKA_TLS_CERT_FILE',
    got: /^a file without KAFKA_TLS_KEY_FILE$/,
    wants: /both or none/,
    remedy: /set both/,
  },
  'a vault without a place': {
    env: { VAULT_KEYS_FILE: file(KEY) },
    setting: 'VAULT_FILE',
    got: /^nothing$/,
    wants: /a place for the encrypted secrets/,
    remedy: /VAULT_KUBERNETES_SECRET or REDIS_URL/,
  },
  'a vault in a Secret, outside a pod': {
    env: { VAULT_KEYS_FILE: file(KEY), VAULT_KUBERNETES_SECRET: 'vault' },
    setting: 'VAULT_KUBERNETES_SECRET',
    got: /^a Secret, outside a pod/,
    wants: /in a pod of the cluster/,
    remedy: /set VAULT_FILE or REDIS_URL/,
  },
  'an issuer without an audience': {
    env: { ...CALLERS, API_OIDC_ISSUER: 'https://issuer.example' },
    setting: 'API_OIDC_AUDIENCE',
    got: /^nothing$/,
    wants: /a token for another service would be accepted/,
    remedy: /set API_OIDC_AUDIENCE/,
  },
  'a CA file that is no PEM': {
    env: { KAFKA_TLS_CA_FILE: file('hunter2') },
    setting: 'KAFKA_TLS_CA_FILE',
    got: /^a file with 7 characters and no certificate$/,
    wants: /BEGIN CERTIFICATE/,
    remedy: /PEM/,
  },
  'a damaged CA': {
    env: {
      REDIS_URL: 'rediss://redis:6379',
      REDIS_TLS_CA_FILE: file(
        '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
      ),
    },
    setting: 'REDIS_TLS_CA_FILE',
    got: /^a file whose certificate 1 of 1 is damaged$/,
    wants: /certificates in PEM/,
    remedy: /export it again/,
  },
  'the key of another certificate': {
    env: {
      KAFKA_TLS_CERT_FILE: join(TLS, 'client.pem'),
      KAFKA_TLS_KEY_FILE: join(TLS, 'server.pem'),
    },
    setting: 'KAFKA_TLS_KEY_FILE',
    got: /^a private key of another certificate than KAFKA_TLS_CERT_FILE$/,
    wants: /first certificate in KAFKA_TLS_CERT_FILE/,
    remedy: /same issuance/,
  },
  'a certificate in the place of its key': {
    env: {
      KAFKA_TLS_CERT_FILE: join(TLS, 'client.pem'),
      KAFKA_TLS_KEY_FILE: join(TLS, 'client.pem'),
    },
    setting: 'KAFKA_TLS_KEY_FILE',
    got: /^a file with a certificate and no private key$/,
    wants: /private key in PEM/,
    remedy: /PEM/,
  },
  'webhooks as a word': {
    env: { ...SENDING, WEBHOOKS: 'main' },
    setting: 'WEBHOOKS',
    got: /^4 characters that are no JSON$/,
    wants: /\[\{"name": "main"\}\]/,
    remedy: /correct it/,
  },
  'a URL of Redis with http': {
    env: { REDIS_URL: 'http://user:hunter2@redis:6379' },
    setting: 'REDIS_URL',
    got: /^a URL that begins with http:\/\/$/,
    wants: /redis:\/\/.*redis\+sentinel:\/\/.*redis\+cluster:\/\/.*rediss/,
    remedy: /correct it/,
  },
  'a secret and a file of secrets': {
    env: { WEBHOOK_SECRETS_FILE: file(SECRET) },
    setting: 'WEBHOOK_SECRETS_FILE',
    got: /^a file, although WEBHOOK_SECRETS is set as well$/,
    wants: /one of the two/,
    remedy: /unset WEBHOOK_SECRETS or WEBHOOK_SECRETS_FILE/,
  },
  'a password and a file with a password': {
    env: {
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_USERNAME: 'bridge',
      KAFKA_SASL_PASSWORD: 'hunter2',
      KAFKA_SASL_PASSWORD_FILE: file('hunter2'),
    },
    setting: 'KAFKA_SASL_PASSWORD_FILE',
    got: /^a file, although KAFKA_SASL_PASSWORD is set as well$/,
    wants: /one of the two/,
    remedy: /unset KAFKA_SASL_PASSWORD or/,
  },
  'a key of Gemini on two lines': {
    env: { ...SENDING, GEMINI_API_KEY: 'hunter2\nhunter2' },
    setting: 'GEMINI_API_KEY',
    got: /^15 characters on several lines$/,
    wants: /one key of visible ASCII characters on one line/,
    remedy: /copy the key/,
  },
};

const ROWS = Object.entries(MISTAKES);

async function check(env: Record<string, string>, ...args: string[]) {
  const printed = { out: '', err: '' };
  const code = await runCli(['config', 'check', ...args], {
    env: { ...LEAST, ...env },
    out: (text) => void (printed.out += text),
    err: (text) => void (printed.err += text),
  });
  return { code, ...printed };
}

describe('config check', () => {
  it.each(ROWS)(
    'names the setting, its value, the wanted form and the remedy of %s',
    async (_, mistake) => {
      const { code, out, err } = await check(mistake.env, '--json');
      expect([code, err]).toEqual([1, '']);
      const { ok, problems } = JSON.parse(out) as { ok: boolean; problems: Problem[] };
      expect(ok).toBe(false);
      expect(problems).toContainEqual({
        setting: mistake.setting,
        got: expect.stringMatching(mistake.got),
        wants: expect.stringMatching(mistake.wants),
        remedy: expect.stringMatching(mistake.remedy),
      });
      expect(out).not.toMatch(RAW);
    },
  );

  it('prints the same problems as lines on stderr', async () => {
    const { code, out, err } = await check({ PORT: '70000', WEBHOOK_SECRETS: 'hunter2' });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^bad environment\n {2}PORT: got 70000; want .*\. Remedy: /);
    expect(err).toMatch(/\n {2}WEBHOOK_SECRETS: got 7 characters/);
  });

  it('names problems of all kinds at once', async () => {
    const { out } = await check(
      {
        PORT: 'http',
        HOST: 'foo.bar.invalid',
        WEBHOOK_SECRETS: 'hunter2',
        TOPIC_REPLICATION: '1',
        CAPABILITY_KEYS_FILE: file('hunter2'),
        KAFKA_TLS_CA_FILE: missing,
      },
      '--json',
    );
    const { problems } = JSON.parse(out) as { problems: Problem[] };
    expect(problems.map(({ setting }) => setting).toSorted()).toEqual([
      'CAPABILITY_KEYS_FILE',
      'HOST',
      'KAFKA_TLS_CA_FILE',
      'PORT',
      'TOPIC_MIN_ISR',
      'WEBHOOK_SECRETS',
    ]);
  });

  it('suggests the variable that an unknown name resembles', async () => {
    const env = { KAFKA_BROKER: 'kafka:9092', WEBHOOK_SECRET: SECRET };
    const good = await check(env);
    expect(good.code).toBe(0);
    expect(good.out).toMatch(/KAFKA_BROKER: .*did you mean KAFKA_BROKERS\?/);
    expect(good.out).toMatch(/WEBHOOK_SECRET: .*did you mean WEBHOOK_SECRETS\?/);
    const bad = await check({ ...env, KAFKA_BROKERS: '' }, '--json');
    expect(JSON.parse(bad.out)).toMatchObject({
      problems: [{ setting: 'KAFKA_BROKERS' }],
      warnings: [{ setting: 'KAFKA_BROKER' }, { setting: 'WEBHOOK_SECRET' }],
    });
  });

  it('only warns of a port in use, which the bridge itself may use', async () => {
    await using taken = await takenPort();
    const { code, out } = await check({ ...taken.env, INTERNAL_PORT: taken.port });
    expect(code).toBe(0);
    expect(out).toMatch(/INTERNAL_PORT: warning: \d+ is in use here/);
  });
});

async function takenPort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port: String(port),
    env: { HOST: '127.0.0.1' },
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** The output of the built bridge when its start fails. */
async function refusal(env: Record<string, string>): Promise<string> {
  const set = Object.entries({ ...LEAST, ...env }).filter(([, value]) => value !== '');
  const { API_AUTH = '', ...rest } = Object.fromEntries(set);
  try {
    await using started = await startBridge({ ...rest, API_AUTH });
    return `it has started on ${started.url}`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Merges the environments of all mistakes into few environments, because each start takes seconds. */
function mergedMistakes(): Record<string, string>[] {
  const merged: Record<string, string>[] = [];
  for (const { env } of Object.values(MISTAKES)) {
    const fitting = merged.find((other) =>
      Object.entries(env).every(([name, value]) => (other[name] ?? value) === value),
    );
    if (fitting) Object.assign(fitting, env);
    else merged.push({ ...env });
  }
  return merged;
}

describe('the start', () => {
  it.each(mergedMistakes().map((env, i) => [i + 1, env] as const))(
    'is refused with the messages of config check (%i)',
    async (_, env) => {
      const [said, { code, err }] = await Promise.all([refusal(env), check(env)]);
      expect(code).toBe(1);
      expect(said).toContain('(exit code 1)');
      // The error of `startBridge` contains the last 20 lines
      const last = err.trimEnd().split('\n').slice(-20).join('\n');
      expect(said).toContain(last);
    },
    60_000,
  );

  it.each(['PORT', 'INTERNAL_PORT'])(
    'is refused with the name of %s if its port is in use',
    async (setting) => {
      await using taken = await takenPort();
      const said = await refusal({ ...taken.env, [setting]: taken.port });
      expect(said).toContain('(exit code 1)');
      expect(said).toContain(
        `  ${setting}: got ${taken.port}, which another process uses;`,
      );
      expect(said).toContain(
        `Remedy: stop that process, or set ${setting} to another port`,
      );
      expect(said).not.toMatch(RAW);
    },
    60_000,
  );

  it("logs that Gemini refuses the key, with Gemini's message", async () => {
    const gemini = await GeminiEmulator.start();
    const more = { GEMINI_URL: gemini.url, GEMINI_API_KEY: 'wrong' };
    const env = { ...SENDING, ...more, WEBHOOKS: '[{"name":"main"}]' };
    {
      await using app = await startApp(env);
      await until('the error in the log', () => app.log.text.includes('GEMINI_API_KEY'));
      expect(app.log.text).toContain(
        'GEMINI_API_KEY: Gemini refuses the key (400): API key not valid.',
      );
    }
    await gemini.stop();
  });

  it('logs the variable that an unknown name resembles', async () => {
    await using bridge = await startBridge({ ...LEAST, KAFKA_BROKER: 'kafka:9092' });
    const wanted = /"warn".*KAFKA_BROKER.*mean KAFKA_BROKERS\?/;
    await until('the warning', () => bridge.lines.some((line) => wanted.test(line)), {
      state: () => bridge.lines,
    });
  }, 60_000);
});
