import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Express } from 'express';
import { topicFor, topicNames } from '../../src/events/event-topics.js';
import { BODIES, takesFile } from '../../src/jobs/api/job-order.js';
import { JOB_KINDS } from '../../src/jobs/job-kinds.js';
import { PROBLEM_STATUSES } from '../../src/internal-api/problems/problem-codes.js';
import { startApp, type TestApp } from '../support/app.js';
import { rawRequest, requestHead } from '../support/raw-request.js';
import { ask } from '../support/sender.js';
import { temporaryFile } from '../support/temporary-file.js';

interface Media {
  readonly schema?: { readonly allOf?: readonly object[] };
  readonly example?: unknown;
}

type Content = Readonly<Record<string, Media>>;

interface Parameter {
  readonly name: string;
  readonly schema: object;
  readonly example?: unknown;
}

interface Operation {
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly security: readonly { readonly bearer: readonly string[] }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

interface Document {
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Paths;
  readonly webhooks: Paths;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const tokens = temporaryFile('a-token-of-somebody-else somebody');
let app: TestApp;
let document: Document;

beforeAll(async () => {
  app = await startApp({ API_TOKENS_FILE: tokens.path });
  document = (await ask(`${app.internalUrl}/docs/openapi.json`)).json as Document;
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
  tokens[Symbol.dispose]();
});

const operationsIn = (paths: Paths): [name: string, operation: Operation][] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );

const operations = () => operationsIn(document.paths);

const inContent = (place: string, content: Content = {}) =>
  Object.entries(content).flatMap(([type, { schema, example }]) =>
    schema && example !== undefined
      ? [[`${place} ${type}`, schema, example] as [string, object, unknown]]
      : [],
  );

/** Every schema with an example of the document, named by its place. */
function examples(): [place: string, schema: object, example: unknown][] {
  return [...operations(), ...operationsIn(document.webhooks)].flatMap(
    ([name, { parameters = [], requestBody, responses }]) => [
      ...parameters.flatMap((parameter): [string, object, unknown][] =>
        parameter.example === undefined
          ? []
          : [[`${name} ${parameter.name}`, parameter.schema, parameter.example]],
      ),
      ...inContent(name, requestBody?.content),
      ...Object.entries(responses).flatMap(([status, { content }]) =>
        inContent(`${name} ${status}`, content),
      ),
    ],
  );
}

/** `METHOD path` of each route of the router under `/v1`, with one for each collection. */
function routes(): Set<string> {
  const { stack } = app.adapter.getInstance<Express>().router;
  const names = stack.flatMap(({ route }) => {
    if (!route?.path.startsWith('/v1')) return [];
    const method = route.stack[0]?.method.toUpperCase();
    const path = route.path.replace(':id', '{id}');
    return path.includes(':collection')
      ? JOB_KINDS.map(({ collection }) => `${method} /v1/${collection}`)
      : [`${method} ${path}`];
  });
  return new Set(names); // Middleware adds routes of the same path
}

describe('/docs/openapi.json', () => {
  it('is valid OpenAPI 3.1, and needs no token', async () => {
    const answer = await ask(`${app.internalUrl}/docs/openapi.json`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    const validator = new Validator();
    expect(await validator.validate(answer.json as Record<string, unknown>)).toEqual({
      valid: true,
    });
    expect(validator.version).toBe('3.1');
    expect(() => validator.resolveRefs()).not.toThrow();
  });

  it('has exactly the operations of the router', () => {
    expect(routes().size).toBeGreaterThan(4);
    expect(
      operations()
        .map(([name]) => name)
        .toSorted(),
    ).toEqual([...routes()].toSorted());
  });

  it('has the scope of each operation', () => {
    const scopes = operations().map(([name, { security, description }]) => {
      const [scope] = security[0]?.bearer ?? [];
      expect(description).toContain(`\`${scope}\``);
      return [name, scope];
    });
    expect(Object.fromEntries(scopes)).toMatchObject({
      'GET /v1/jobs': 'jobs:read',
      'POST /v1/jobs/{id}/cancel': 'jobs:write',
      'POST /v1/batches': 'jobs:write',
    });
  });

  it('has every problem code, except that of an unknown path', () => {
    const codes = operations().flatMap(([, { responses }]) =>
      Object.values(responses).flatMap(({ content }) => {
        const problem = content?.['application/problem+json'];
        const [, own] = problem?.schema?.allOf ?? [];
        const { properties } = (own ?? {}) as {
          properties?: { code: { enum: string[] } };
        };
        return properties?.code.enum ?? [];
      }),
    );
    expect([...new Set([...codes, 'not-found'])].toSorted()).toEqual(
      Object.keys(PROBLEM_STATUSES).toSorted(),
    );
  });

  it.each(JOB_KINDS.map((kind) => [kind.name, kind] as const))(
    'has a valid example of %s',
    (_, kind) => {
      const { requestBody } = document.paths[`/v1/${kind.collection}`]?.['post'] ?? {};
      const example = requestBody?.content['application/json']?.example;
      expect(BODIES.get(kind)?.safeParse(example)).toMatchObject({ success: true });
    },
  );
});

describe('/', () => {
  it('of the internal port leads to the documentation', async () => {
    const answer = await ask(`${app.internalUrl}/`, { redirect: 'manual' });
    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toBe('/docs');
  });
});

describe('/docs', () => {
  it('is a page without inline scripts and without resources of other hosts', async () => {
    const answer = await ask(`${app.internalUrl}/docs`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self';/,
    );
    expect(answer.text).not.toMatch(/<script>|<style>|https?:/);
  });

  it('serves the files that the page names', async () => {
    const { text: page } = await ask(`${app.internalUrl}/docs`);
    const names = Array.from(
      page.matchAll(/(?:src|href)="([^"]+)"/g),
      ([, name]) => name,
    );
    const types = await Promise.all(
      names.map(async (name) => {
        const { status, headers } = await ask(`${app.internalUrl}${name}`);
        return [name, status, headers.get('content-type')?.split(';')[0]];
      }),
    );
    expect(types).toEqual([
      ['/docs/favicon-32x32.png', 200, 'image/png'],
      ['/docs/swagger-ui.css', 200, 'text/css'],
      ['/docs/swagger-ui-bundle.js', 200, 'text/javascript'],
      ['/docs/initializer.js', 200, 'text/javascript'],
    ]);
  });

  it.each(['package.json', 'index.html', '..%2fpackage.json', '%2e%2e', 'x%00.css'])(
    'does not serve %s',
    async (name) => {
      // A URL with these dots would be another path before `fetch` sends it
      const request = requestHead(`GET /docs/${name}`, []);
      expect((await rawRequest(app.internalPort, request)).status).toBe(404);
    },
  );

  it.each(['/docs', '/docs/openapi.json', '/docs/swagger-ui-bundle.js'])(
    '%s is not on the public port',
    async (path) => {
      expect((await ask(`${app.url}${path}`)).status).toBe(404);
    },
  );
});

// Last, because compiling the schemas takes longer than idle connections live
describe('the document', () => {
  it('has a described tag and a summary for each operation and event', () => {
    const names = document.tags.map(({ name }) => name);
    expect(names).toEqual(['Submit', 'Jobs', 'Webhooks', 'Events']);
    for (const [, { tags, summary }] of [
      ...operations(),
      ...operationsIn(document.webhooks),
    ]) {
      expect(names).toEqual(expect.arrayContaining([...tags]));
      expect(summary).toMatch(/^[A-Z].{5,}[^.]$/);
    }
    const summaries = operations().map(([, { summary }]) => summary);
    expect(new Set(summaries).size).toBe(summaries.length);
  });

  it('has examples that fit their schemas', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'document', components: document.components });
    const compiled = new Map<string, ValidateFunction>();
    const faults = examples().flatMap(([place, schema, example]) => {
      const text = JSON.stringify(schema).replaceAll('"#/', '"document#/');
      const validate = compiled.get(text) ?? ajv.compile(JSON.parse(text) as object);
      compiled.set(text, validate);
      return validate(example) ? [] : [[place, ajv.errorsText(validate.errors)]];
    });
    expect(faults).toEqual([]);
    expect(examples().length).toBeGreaterThan(50);
  });

  it.each(JOB_KINDS.filter(takesFile).map((kind) => [kind.name, kind] as const))(
    'has an example of JSONL that is as valid as that of JSON, of %s',
    (_, kind) => {
      const { requestBody, parameters = [] } =
        document.paths[`/v1/${kind.collection}`]?.['post'] ?? ({} as Operation);
      const lines = String(requestBody?.content['application/jsonl']?.example).split(
        '\n',
      );
      expect(lines.pop()).toBe('');
      const query = Object.fromEntries(
        parameters.flatMap(({ name, example }) =>
          example === undefined ? [] : [[name, example] as const],
        ),
      );
      const order = { ...query, requests: lines.map((line) => JSON.parse(line)) };
      expect(BODIES.get(kind)?.safeParse(order)).toMatchObject({ success: true });
    },
  );

  it('writes the alternatives of a batch as whole objects', () => {
    const { oneOf } = document.components.schemas['BatchOrder'] as {
      oneOf: { properties: object; required: string[] }[];
    };
    expect(oneOf.map(({ required }) => required)).toEqual([
      ['model', 'requests'],
      ['model', 'file'],
    ]);
    const [inline, inFile] = oneOf.map(({ properties }) => Object.keys(properties));
    expect(inline).not.toContain('file');
    expect(inFile).not.toContain('requests');
    expect(inFile).toEqual(expect.arrayContaining(['model', 'file', 'metadata']));
  });

  it('asks for metadata of an upload as text', () => {
    const { parameters = [] } = document.paths['/v1/batches']?.['post'] ?? {};
    const metadata = parameters.find(({ name }) => name === 'metadata');
    expect(metadata?.schema).toMatchObject({ type: 'string' });
    expect(metadata?.schema).not.toHaveProperty('contentMediaType');
  });

  it('has each event type that has a topic, and those of the bridge', () => {
    const types = Object.keys(document.webhooks);
    const own = types.filter((type) => type.startsWith('gemini.job.'));
    expect(own).toEqual([
      'gemini.job.submitted',
      'gemini.job.unknown',
      'gemini.job.ended',
    ]);
    const topics = types
      .filter((type) => !own.includes(type))
      .map((type) => topicFor(type, 'gemini'));
    expect([...topics, 'gemini.other'].toSorted()).toEqual(
      topicNames('gemini')
        .filter((topic) => topic.startsWith('gemini.'))
        .toSorted(),
    );
  });
});
