import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { Express } from 'express';
import { BODIES } from '../../src/jobs/api/job-order.js';
import { JOB_KINDS } from '../../src/jobs/job-kinds.js';
import { PROBLEM_STATUSES } from '../../src/internal-api/problems/problem-codes.js';
import { startApp, type TestApp } from '../support/app.js';
import { ask } from '../support/sender.js';
import { temporaryFile } from '../support/temporary-file.js';

interface Media {
  readonly schema: { readonly allOf: readonly object[] };
  readonly example?: unknown;
}

interface Operation {
  readonly description: string;
  readonly security: readonly { readonly bearer: readonly string[] }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, Media>> }>
  >;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
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

const operations = (): [name: string, operation: Operation][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );

/** `METHOD path` of what the router has under `/v1`, one for each collection. */
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
  return new Set(names); // middleware has routes of its own
}

describe('/docs/openapi.json', () => {
  it('is OpenAPI 3.1, without a token', async () => {
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

  it('has the operations that the router has, and no others', () => {
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

  it('has every problem that there is, but for a path that nobody knows', () => {
    const codes = operations().flatMap(([, { responses }]) =>
      Object.values(responses).flatMap(({ content }) => {
        const problem = content?.['application/problem+json'];
        const [, own] = problem?.schema.allOf ?? [];
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
    'has an example that passes, of %s',
    (_, kind) => {
      const { requestBody } = document.paths[`/v1/${kind.collection}`]?.['post'] ?? {};
      const example = requestBody?.content['application/json']?.example;
      expect(BODIES.get(kind)?.safeParse(example)).toMatchObject({ success: true });
    },
  );
});

describe('/docs', () => {
  it('is a page that runs nothing from elsewhere', async () => {
    const answer = await ask(`${app.internalUrl}/docs`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self';/,
    );
    expect(answer.text).not.toMatch(/<script>|<style>|https?:/);
  });

  it('has the files that the page names', async () => {
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
    'has no file %s',
    async (name) => {
      const { status } = await fetch(`${app.internalUrl}/docs/${name}`);
      expect(status).toBe(404);
    },
  );

  it.each(['/docs', '/docs/openapi.json', '/docs/swagger-ui-bundle.js'])(
    '%s is not on the public port',
    async (path) => {
      expect((await ask(`${app.url}${path}`)).status).toBe(404);
    },
  );
});
