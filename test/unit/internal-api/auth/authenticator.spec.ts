import { Logger } from '@nestjs/common';
import {
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import type { AuthFault } from '../../../../src/internal-api/auth/auth.error.js';
import { Authenticator } from '../../../../src/internal-api/auth/authenticator.js';
import { SCOPES } from '../../../../src/config/api-scopes.js';
import type { Config } from '../../../../src/config/config.js';
import { ConfigError } from '../../../../src/config/problem.js';
import { Metrics } from '../../../../src/infrastructure/metrics/metrics.js';
import { accessConfig, trusting } from '../../../support/access.js';
import { FAKED_CLOCK } from '../../../support/clock.js';
import { TestIssuer } from '../../../support/issuer.js';
import { temporaryFile, type TemporaryFile } from '../../../support/temporary-file.js';

const TOKEN = 'a-token-of-16-or-more';
const OTHER = 'another-one-just-as-long';

let file: TemporaryFile;
let made: Authenticator[];

beforeAll(() => Logger.overrideLogger(false));

beforeEach(() => {
  file = temporaryFile(`# mine\n${TOKEN} mine\n\n ${OTHER} other jobs:read\n`);
  made = [];
});

afterEach(() => {
  for (const authenticator of made) authenticator.onModuleDestroy();
  file[Symbol.dispose]();
});

function authenticatorOf(access: Partial<Config['access']>): Authenticator {
  const authenticator = new Authenticator(accessConfig(access), new Metrics());
  made.push(authenticator);
  return authenticator;
}

const refused = (call: Promise<unknown>, fault: AuthFault) =>
  expect(call).rejects.toMatchObject({ name: 'AuthError', fault });

describe('Authenticator', () => {
  it('knows the bearers of any token of the file', async () => {
    const authenticator = authenticatorOf({ tokensFile: file.path });
    for (const header of [`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER ${TOKEN}`]) {
      expect(await authenticator.principalOf(header)).toMatchObject({
        name: 'token:mine',
      });
    }
    expect(await authenticator.principalOf(`Bearer ${OTHER}`)).toEqual({
      name: 'token:other',
      scopes: new Set(['jobs:read']),
    });
  });

  it.each<[string | undefined, AuthFault]>([
    [undefined, 'token-missing'],
    ['', 'token-missing'],
    ['Bearer', 'token-missing'],
    ['Bearer ', 'token-missing'],
    [TOKEN, 'token-missing'],
    [`Basic ${TOKEN}`, 'token-missing'],
    [`Bearer  ${TOKEN}`, 'token-invalid'],
    [`Bearer ${TOKEN} `, 'token-invalid'],
    [`Bearer ${TOKEN}\n`, 'token-invalid'],
    ['Bearer # mine', 'token-invalid'],
    [`Bearer ${TOKEN} mine`, 'token-invalid'],
    [`Bearer ${'x'.repeat(8193)}`, 'token-invalid'],
    [`Bearer ${TOKEN},${OTHER}`, 'token-unknown'],
    [`Bearer ${TOKEN.slice(1)}`, 'token-unknown'],
    ['Bearer a.b.c', 'token-unknown'],
  ])('does not know who sends %j', async (header, fault) => {
    await refused(authenticatorOf({ tokensFile: file.path }).principalOf(header), fault);
  });

  it('knows everybody as one where the configuration says so', async () => {
    const anyone = await authenticatorOf({ open: true }).principalOf(undefined);
    expect(anyone).toEqual({ name: 'anyone', scopes: new Set(SCOPES) });
  });

  it('refuses every token without a file of tokens and an issuer', async () => {
    const authenticator = authenticatorOf({});
    await refused(authenticator.principalOf(undefined), 'token-missing');
    await refused(authenticator.principalOf(`Bearer ${TOKEN}`), 'token-unknown');
  });

  it.each(['', 'short', `${TOKEN} mine jobs:all`])('does not start on %j', (text) => {
    file.write(text);
    const start = () => authenticatorOf({ tokensFile: file.path });
    expect(start).toThrow(ConfigError);
    expect(start).toThrow(/^bad environment\n {2}API_TOKENS_FILE: /);
    expect(start).not.toThrow(TOKEN);
  });

  it('forgets a token that the file no longer has', async () => {
    jest.useFakeTimers(FAKED_CLOCK);
    const authenticator = authenticatorOf({ tokensFile: file.path });
    file.write(`${OTHER}\n`);
    jest.advanceTimersByTime(2000);
    jest.useRealTimers();
    const knows = () =>
      authenticator.principalOf(`Bearer ${TOKEN}`).then(
        () => true,
        () => false,
      );
    while (await knows()) await new Promise(setImmediate);
    await refused(authenticator.principalOf(`Bearer ${TOKEN}`), 'token-unknown');
    await authenticator.principalOf(`Bearer ${OTHER}`);
  });

  it('takes tokens of an issuer beside those of the file, also one that looks alike', async () => {
    await using issuer = await TestIssuer.start();
    const alike = 'header.payload.signature';
    file.write(`${TOKEN}\n${alike} alike\n`);
    const tokensFile = file.path;
    const authenticator = authenticatorOf({ tokensFile, ...trusting(issuer.url) });
    const call = (token: string) => authenticator.principalOf(`Bearer ${token}`);
    expect(await call(alike)).toMatchObject({ name: 'token:alike' });
    expect(await call(TOKEN)).toMatchObject({ scopes: new Set(SCOPES) });
    await refused(call(OTHER), 'token-unknown');
    expect(issuer.asked).toEqual([]);
    expect(await call(await issuer.token())).toEqual({
      name: 'oidc:billing',
      scopes: new Set(),
    });
  });

  it('says how old the keys of the issuer are', async () => {
    await using issuer = await TestIssuer.start();
    const metrics = new Metrics();
    const authenticator = new Authenticator(accessConfig(trusting(issuer.url)), metrics);
    const age = async () =>
      /issuer"} (\S+)$/m.exec(
        await metrics.registry.getSingleMetricAsString('gemini_bridge_jwks_age_seconds'),
      )?.[1];
    expect(await age()).toBe('-1');
    await authenticator.principalOf(`Bearer ${await issuer.token()}`);
    expect(Number(await age())).toBeGreaterThanOrEqual(0);
  });
});
