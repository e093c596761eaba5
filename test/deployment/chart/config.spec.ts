import { beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { constraintOf, valuesSchema } from '../../../tools/chart/schema.js';
import { valuesKeys } from '../../../tools/chart/values-document.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { ConfigError, problemLine } from '../../../src/config/problem.js';
import { SCOPES } from '../../../src/config/api-scopes.js';
import { VARIABLES } from '../../../src/config/environment.js';
import { parseKeyring } from '../../../src/infrastructure/files/keyring.js';
import { entries } from '../../../src/infrastructure/files/watched-file.js';
import { parseFileTokens } from '../../../src/internal-api/auth/file-tokens.js';
import { parseSecret } from '../../../src/signing-secrets/webhook-secret.js';
import { temporaryFile } from '../../support/temporary-file.js';
import { at, merged, nested, refusalOf, render } from './chart.js';
import { example, EXAMPLES } from './examples.js';
import { flipOf } from './flips.js';
import { SETTINGS, textOf, WITHOUT_VALUE } from './variables.js';

const base64 = (bytes: number) => Buffer.alloc(bytes, 'k').toString('base64');
const SECRET = `whsec_${base64(24)}`;
const KEY = base64(32).replace('=', '');
const TOKEN = 'a-long-random-word';

/** Variables of OpenTelemetry, which reads most of them itself. */
const OF_OPENTELEMETRY = /^OTEL_/;

/** A minimal environment that fits any single setting. */
const MINIMAL = {
  KAFKA_BROKERS: 'kafka:9092',
  WEBHOOK_SECRETS: SECRET,
  API_AUTH: 'none',
  REDIS_URL: 'redis://redis:6379',
};

async function variablesOf(values: object): Promise<Record<string, string>> {
  const args = ['--show-only', 'templates/configmap.yaml'];
  const [configMap] = await render(values, { args });
  return at(configMap, 'data') as Record<string, string>;
}

function faultsOf(variable: string, value: unknown): string[] {
  try {
    loadConfig({ ...MINIMAL, [variable]: textOf(value) });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // The templates check combinations of settings.
    return error.problems
      .map(problemLine)
      .filter(
        (fault) =>
          new RegExp(`^${variable}[.:\\d]`).test(fault) &&
          !/is larger than|is shorter than|goes together/.test(fault),
      );
  }
  return [];
}

describe('the values of the chart', () => {
  it('have exactly one key for each variable of the bridge, except for the listed ones', () => {
    const placed = SETTINGS.map(({ variable }) => variable);
    const known = [...placed, ...Object.keys(WITHOUT_VALUE)].filter(
      (variable) => !OF_OPENTELEMETRY.test(variable),
    );
    expect(known.toSorted()).toEqual(
      VARIABLES.filter((variable) => !OF_OPENTELEMETRY.test(variable)).toSorted(),
    );
    expect(new Set(placed).size).toBe(placed.length);
  });

  it('render only to variables that the bridge reads', async () => {
    const read = new Set(SETTINGS.map(({ variable }) => variable));
    const rendered = Object.keys(await variablesOf(example('everything')));
    expect(rendered.filter((variable) => !read.has(variable))).toEqual([]);
  });

  it("have the bridge's own defaults", async () => {
    using secrets = temporaryFile(SECRET);
    const rendered = await variablesOf(example('minimal'));
    const env = { ...rendered, WEBHOOK_SECRETS_FILE: secrets.path };
    const { KAFKA_BROKERS = '' } = rendered;
    const least = {
      KAFKA_BROKERS,
      API_AUTH: 'none',
      WEBHOOK_SECRETS_FILE: secrets.path,
    };
    expect(loadConfig(env)).toEqual(loadConfig(least));
  });

  // Two of these variables are rendered elsewhere, the third is a list of pairs.
  const settings = SETTINGS.filter(
    ({ path, variable }) =>
      path[0] === 'config' &&
      !['API_AUTH', 'OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_RESOURCE_ATTRIBUTES'].includes(
        variable,
      ),
  ).map(({ variable, path, preset }) => [variable, path, preset] as const);
  let rendered: Record<string, string>;
  let values: object;

  // One rendering with all settings changed shows the variable of each.
  beforeAll(async () => {
    const changed = settings.map(([, path, preset]) => {
      const { after } = flipOf(path, preset);
      return nested(path, at(after, ...path));
    });
    const strimzi = { strimzi: { topics: { enabled: false }, user: { enabled: false } } };
    values = [example('everything'), strimzi, ...changed].reduce<object>(
      (all, change) => merged(all, change) as object,
      {},
    );
    rendered = await variablesOf(values);
  });

  it.each(settings)('render to %s', (variable, path) => {
    expect(rendered[variable]).toBe(textOf(at(values, ...path)));
  });

  it('render attributes as OpenTelemetry writes them', () => {
    expect(rendered['OTEL_RESOURCE_ATTRIBUTES']).toBe(
      'deployment.environment.name=production',
    );
  });

  it('render to API_AUTH', async () => {
    expect((await variablesOf(example('minimal')))['API_AUTH']).toBe('none');
  });

  it.each(EXAMPLES)(
    'of the example %s are a valid configuration of the bridge',
    async (name) => {
      using secrets = temporaryFile(SECRET);
      using keys = temporaryFile(`k1:${KEY}`);
      using text = temporaryFile(TOKEN);
      const files: Readonly<Record<string, string>> = {
        WEBHOOK_SECRETS_FILE: secrets.path,
        CAPABILITY_KEYS_FILE: keys.path,
        VAULT_KEYS_FILE: keys.path,
      };
      const env = Object.entries(await variablesOf(example(name))).map(
        ([variable, value]) => {
          const file = files[variable] ?? text.path;
          return [variable, variable.endsWith('_FILE') ? file : value];
        },
      );
      expect(() =>
        loadConfig(Object.fromEntries(env) as NodeJS.ProcessEnv),
      ).not.toThrow();
    },
  );

  it.each(EXAMPLES)(
    'of the example %s leave hosts and ports to the bridge',
    async (name) => {
      // Without HOST the bridge listens on all addresses, IPv6 included
      const text = JSON.stringify(await render(example(name)));
      expect(text).not.toMatch(/"(HOST|PORT|INTERNAL_PORT)"/);
    },
  );

  it('render each credential to the path of its file', () => {
    const credentials = SETTINGS.filter(({ path }) => path[0] === 'credentials');
    expect(credentials).toHaveLength(12);
    for (const { path, variable } of credentials) {
      const file = `/etc/gemini-kafka-bridge/credentials/${path[1]}/value`;
      const isGiven = path[1] !== 'kafkaSaslToken';
      expect([variable, rendered[variable]]).toEqual([
        variable,
        isGiven ? file : undefined,
      ]);
    }
  });
});

describe('the chart and the bridge agree', () => {
  const validate = new Ajv({ strict: false }).compile(valuesSchema(valuesKeys()));

  /** True if the schema accepts the value, by its type, word or range. */
  function hasType(path: readonly string[], value: unknown): boolean {
    return validate(nested(path, value));
  }

  /** True if schema and templates accept the value. Faults of combinations do not count, because they name no form. */
  async function isAccepted(path: readonly string[], value: unknown): Promise<boolean> {
    if (!hasType(path, value)) return false;
    const values = merged(example('minimal'), nested(path, value)) as object;
    const refusal = await refusalOf(values);
    const key = path.join('.').replaceAll('.', '\\.');
    return !new RegExp(`^  ${key}[.\\w[\\]]*: .*(want|accepts no) `, 'm').test(refusal);
  }

  const ours = SETTINGS.filter(
    ({ path, variable }) => path[0] === 'config' && VARIABLES.includes(variable),
  );
  const bounds = ours.flatMap(({ variable, path }) => {
    const { minimum, maximum } = constraintOf(path.join('.')) ?? {};
    if (typeof minimum !== 'number' || typeof maximum !== 'number') return [];
    return [minimum - 1, minimum, maximum, maximum + 1].map(
      (value) => [variable, value, path] as const,
    );
  });

  it.each(bounds)('on %s=%s', (variable, value, path) => {
    expect(hasType(path, value)).toBe(faultsOf(variable, value).length === 0);
  });

  it('on the bounds of all numbers', () => {
    expect(new Set(bounds.map(([variable]) => variable)).size).toBe(
      ours.filter(({ preset }) => typeof preset === 'number').length,
    );
  });

  const words = ours.flatMap(({ variable, path }) => {
    const listed = constraintOf(path.join('.'))?.['enum'] as unknown[] | undefined;
    const texts = listed?.filter((word) => word !== 'auto' && word !== false) ?? [];
    const wrong = listed ? ['wrong'] : [];
    return [...texts, ...wrong].map((word) => [variable, word, path] as const);
  });

  it.each(words)('on %s=%s', (variable, word, path) => {
    expect(hasType(path, word)).toBe(faultsOf(variable, word).length === 0);
  });

  const KEYED: Readonly<Record<string, readonly unknown[]>> = {
    PUBLIC_URL: [
      'https://hooks.example.com',
      'https://hooks.example.com:8443/a/b',
      'https://[2001:db8::1]/a',
      'http://127.0.0.1:8080',
      'http://localhost',
      'http://hooks.example.com',
      'http://127.0.0.1.example',
      'https://user:password@hooks.example.com',
      'https://hooks.example.com/?a=b',
      'https://hooks.example.com/#a',
      'hooks.example.com',
      'ftp://hooks.example.com',
    ],
    KAFKA_BROKERS: [
      ['kafka:9092'],
      ['a:1', 'b:2'],
      ['kafka'],
      ['kafka:'],
      ['kafka://a:1'],
      ['a b:1'],
    ],
    TOPIC_PREFIX: ['gemini', 'a_B-1', 'a.b', 'x'.repeat(64), 'x'.repeat(65), 'ä'],
    JWKS_URL: ['https://example.com/keys', 'http://127.0.0.1:1/keys', 'keys'],
    GEMINI_URL: ['https://example.com', 'example.com'],
    VAULT_KUBERNETES_SECRET: [
      'vault',
      'a.b-c',
      'Vault',
      '-a',
      'a'.repeat(253),
      'a'.repeat(254),
    ],
    WEBHOOKS: [
      [{ name: 'main' }],
      [{ name: 'main', events: ['batch.succeeded'], url: 'https://example.com/x' }],
      [{ name: '' }],
      [{ name: 'a/b' }],
      [{ events: ['batch.succeeded'] }],
      [{ name: 'main', event: ['batch.succeeded'] }],
      [{ name: 'main', events: [] }],
      [{ name: 'main', events: ['batch.cancelled'] }],
      [{ name: 'main', url: 'http://example.com' }],
    ],
    WEBHOOKS_OWNER: ['a.B_c-1', 'a b', 'x'.repeat(65)],
    API_OIDC_ISSUER: [
      'https://issuer.example/tenant/',
      'http://issuer.example',
      'issuer',
    ],
    API_OIDC_SCOPES: [['jobs:write', 'webhooks:admin'], ['jobs:delete']],
    API_OIDC_SUBJECTS: [['a'], ['a:b:*'], ['*'], ['a*b'], ['ü']],
  };
  const texts = Object.entries(KEYED).flatMap(([variable, values]) => {
    const { path = [] } = ours.find((setting) => setting.variable === variable) ?? {};
    return values.map((value) => [variable, value, path] as const);
  });

  it.each(texts)('on %s=%j', async (variable, value, path) => {
    expect(await isAccepted(path, value)).toBe(faultsOf(variable, value).length === 0);
  });

  const CREDENTIALS: [name: string, parse: (text: string) => unknown, texts: string[]][] =
    [
      [
        'webhookSecrets',
        (text) => entries(text).map(parseSecret),
        [
          SECRET,
          `whsec_${base64(25)}\n# old\n\n  whsec_${base64(32)}\n`,
          `whsec_${base64(23)}`,
          `${SECRET}\nmysecret`,
          'whsec_***',
          'mysecret',
        ],
      ],
      ...['capabilityKeys', 'vaultKeys'].map(
        (name): [string, (text: string) => unknown, string[]] => [
          name,
          parseKeyring,
          [
            `k1:${KEY}`,
            `k1:${KEY}=\n# old\nk-0_:${KEY}\n`,
            `k1:${KEY}A`,
            `k1:${KEY.slice(1)}`,
            `k.1:${KEY}`,
            `${'k'.repeat(33)}:${KEY}`,
            KEY,
          ],
        ],
      ),
      [
        'apiTokens',
        parseFileTokens,
        [
          TOKEN,
          `${TOKEN} billing`,
          `${TOKEN}\tbilling ${SCOPES.join(',')}\n# other\n${TOKEN}2 a@b`,
          ...SCOPES.map((scope) => `${TOKEN} billing ${scope}`),
          'a-short-token',
          `${TOKEN}ü`,
          `${TOKEN} bill;ing`,
          `${TOKEN} billing jobs:delete`,
          `${TOKEN} billing jobs:read,`,
          `${TOKEN} billing jobs:read more`,
        ],
      ],
    ];
  const credentialTexts = CREDENTIALS.flatMap(([name, parse, given]) =>
    given.map((text) => [name, text, parse] as const),
  );

  it.each(credentialTexts)('on the credential %s %j', async (name, text, parse) => {
    const given = { value: text, existingSecret: { name: '' } };
    const path = ['credentials', name];
    expect(await isAccepted(path, given)).toBe(isParsed(text, parse));
  });

  it('on accepted values and on refused values', async () => {
    for (const probes of [bounds, words]) {
      const verdicts = probes.map(([, value, path]) => hasType(path, value));
      expect(new Set(verdicts)).toEqual(new Set([true, false]));
    }
    const accepted = texts.map(([, value, path]) => isAccepted(path, value));
    expect(new Set(await Promise.all(accepted))).toEqual(new Set([true, false]));
    for (const [, parse, given] of CREDENTIALS) {
      const verdicts = given.map((text) => isParsed(text, parse));
      expect(new Set(verdicts)).toEqual(new Set([true, false]));
    }
  });
});

function isParsed(text: string, parse: (text: string) => unknown): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}
