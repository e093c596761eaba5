import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { run } from '../../packages/testbed/src/process/run.js';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../../packages/testbed/src/process/temporary-folder.js';
import { startEmulatedApp, type EmulatedApp } from '../support/emulated-app.js';
import { temporaryFile } from '../support/temporary-file.js';

const MODULES = join(import.meta.dirname, '..', '..', 'node_modules');
const TOKEN = 'a-token-of-the-client';
const tokens = temporaryFile(`${TOKEN} client`);

/** A program that calls the API with the generated client and prints the results as a JSON object. */
const CLIENT = `
import createClient from 'openapi-fetch';
import type { components, paths } from './bridge.js';

const [baseUrl = '', token = ''] = process.argv.slice(2);
const bridge = createClient<paths>({
  baseUrl,
  headers: { authorization: \`Bearer \${token}\` },
  querySerializer: { object: { style: 'form', explode: true } },
});

const order: components['schemas']['BatchOrder'] = {
  model: 'gemini-flash',
  requests: [{ key: 'a', request: { contents: [{ parts: [{ text: 'hello' }] }] } }],
  metadata: { tenant: 'blue' },
};
// @ts-expect-error a batch has a model
const modelless: typeof order = { requests: [] };

const submitted = await bridge.POST('/v1/batches', {
  params: { header: { 'Idempotency-Key': 'k-1' } },
  body: order,
});
if (!submitted.data) throw new Error(submitted.error.detail);
const path = { id: submitted.data.id };
const listed = await bridge.GET('/v1/jobs', {
  params: { query: { kind: 'batch', metadata: { 'metadata.tenant': 'blue' } } },
});
const found = await bridge.GET('/v1/jobs/{id}', { params: { path } });
const unfinished = await bridge.GET('/v1/jobs/{id}/result', { params: { path } });
const cancelled = await bridge.POST('/v1/jobs/{id}/cancel', { params: { path } });
const uploaded = await bridge.POST('/v1/batches', {
  params: { query: { model: 'gemini-flash' } },
  headers: { 'content-type': 'application/jsonl' },
  body: '{"key":"a","request":{"contents":[{}]}}',
  bodySerializer: String,
});
const refused = await bridge.POST('/v1/batches', { body: modelless });
const code: 'invalid-body' | 'idempotency-key-reused' | 'gemini-refused' | undefined =
  refused.response.status === 422 && refused.error?.status === 422
    ? refused.error.code
    : undefined;

const state: components['schemas']['Job']['state'] | undefined = found.data?.state;
console.log(JSON.stringify({
  id: path.id,
  listed: listed.data?.jobs.map(({ id }) => id),
  state,
  unfinished: unfinished.error?.code,
  cancelled: [cancelled.response.status, cancelled.data?.geminiName],
  uploaded: uploaded.data?.kind,
  code,
}));
`;

const TSCONFIG = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2023',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    rootDir: '.',
  },
  files: ['client.ts'],
};

let world: EmulatedApp;
let folder: TemporaryFolder;

beforeAll(async () => {
  world = await startEmulatedApp({ API_TOKENS_FILE: tokens.path });
  folder = await temporaryFolder('generated-client');
  await symlink(MODULES, join(folder.path, 'node_modules'));
  const files = {
    'package.json': '{"type":"module"}',
    'tsconfig.json': JSON.stringify(TSCONFIG),
    'client.ts': CLIENT,
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder.path, name), text);
  }
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await folder.remove();
  tokens[Symbol.dispose]();
});

async function node(...args: string[]): Promise<string> {
  const { ok, output } = await run(process.execPath, args, { cwd: folder.path });
  if (!ok) throw new Error(output);
  return output;
}

it('has an OpenAPI document whose generated client compiles, submits, lists, gets and cancels', async () => {
  const { internalUrl } = world.app;
  const generator = join(MODULES, 'openapi-typescript', 'bin', 'cli.js');
  await node(generator, `${internalUrl}/docs/openapi.json`, '-o', 'bridge.d.ts');
  await node(join(MODULES, 'typescript', 'bin', 'tsc'), '-p', '.');
  const said = JSON.parse(await node('client.js', internalUrl, TOKEN)) as {
    id: string;
  };
  expect(said).toEqual({
    id: expect.any(String),
    listed: [said.id],
    state: 'submitted',
    unfinished: 'job-not-over',
    cancelled: [202, expect.stringMatching(/^batches\//)],
    uploaded: 'batch',
    code: 'invalid-body',
  });
}, 60_000);
