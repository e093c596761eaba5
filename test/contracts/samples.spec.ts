import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ServerKafka, type KafkaContext } from '@nestjs/microservices';
import ts from 'typescript';
import { fences } from '../support/markdown.js';

const ROOT = join(import.meta.dirname, '..', '..');
const CONSUME = join(ROOT, 'docs', 'how-to', 'consume-events.md');
const TOPIC = 'gemini.batch.succeeded';

/** Declarations that the README's excerpt leaves to the page that it links to. */
const README_PRELUDE = `
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, KafkaContext, Payload } from '@nestjs/microservices';
interface BatchEvent { readonly type: string }
`;

const [handler = '', main = '', anyClient = ''] = fences(read(CONSUME), 'ts');
const [excerpt = ''] = fences(read(join(ROOT, 'README.md')), 'ts');

/** A folder in the repository, so that the imports of the samples resolve. It does not exist on disk. */
const FOLDER = join(ROOT, 'docs-samples');
const FILES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'batch-events.ts': handler,
    'main.ts': main,
    'any-client.ts': anyClient,
    'readme.ts': `${README_PRELUDE}${excerpt}`,
  }).map(([name, text]) => [join(FOLDER, name), text]),
);

describe('the samples for subscribers', () => {
  it('compile under the settings of this repository', () => {
    const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) =>
      ts.sys.readFile(path),
    );
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    const real = ts.createCompilerHost(options);
    const host: ts.CompilerHost = {
      ...real,
      directoryExists: (path) => path === FOLDER || ts.sys.directoryExists(path),
      fileExists: (path) => FILES.has(path) || real.fileExists(path),
      readFile: (path) => FILES.get(path) ?? real.readFile(path),
      getSourceFile: (path, target, ...rest) => {
        const text = FILES.get(path);
        return text === undefined
          ? real.getSourceFile(path, target, ...rest)
          : ts.createSourceFile(path, text, target);
      },
    };
    const program = ts.createProgram(
      [...FILES.keys()],
      { ...options, noEmit: true },
      host,
    );
    const faults = ts
      .getPreEmitDiagnostics(program)
      .map(({ file, messageText }) => [
        file?.fileName,
        ts.flattenDiagnosticMessageText(messageText, '\n'),
      ]);
    expect(faults).toEqual([]);
  }, 60_000);
});

interface Received {
  readonly inboxKey: string;
  readonly correlationId: string | undefined;
  readonly metadata: unknown;
  readonly event: unknown;
}

interface Orders {
  complete: (received: Received) => Promise<void>;
  park: (received: Received, error: unknown) => Promise<void>;
}

interface Sample {
  readonly BatchEvents: new (orders: Orders) => {
    succeeded: (event: unknown, context: KafkaContext) => Promise<void>;
  };
}

describe('the sample for NestJS', () => {
  let folder: string;
  let sample: Sample;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'docs-sample-'));
    const { outputText } = ts.transpileModule(handler, {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2023,
        experimentalDecorators: true,
      },
    });
    const file = join(folder, 'batch-events.mjs');
    writeFileSync(file, outputText.replaceAll(/from '(@nestjs\/\w+)'/g, resolved));
    sample = (await import(file)) as Sample;
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** Handles a record through Nest's transport, which parses the record before the handler gets it. */
  async function handled(
    headers: Readonly<Record<string, string>>,
    orders: Partial<Orders> = {},
  ): Promise<{ received: Received[]; parked: Received[] }> {
    const [received, parked]: [Received[], Received[]] = [[], []];
    const events = new sample.BatchEvents({
      complete: async (each) => void received.push(each),
      park: async (each) => void parked.push(each),
      ...orders,
    });
    const server = new ServerKafka({});
    server.addHandler(
      TOPIC,
      (event: unknown, context?: KafkaContext) => events.succeeded(event, context!),
      true,
    );
    await server.handleMessage({
      topic: TOPIC,
      partition: 0,
      message: {
        key: Buffer.from('batches/1'),
        value: Buffer.from('{"type":"batch.succeeded","data":{"id":"batches/1"}}'),
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)]),
        ),
        timestamp: '0',
        attributes: 0,
        offset: '0',
      },
      heartbeat: async () => undefined,
      pause: () => () => undefined,
    });
    return { received, parked };
  }

  it('reads the headers of a job', async () => {
    const { received } = await handled({
      'webhook-id': 'msg_1',
      'correlation-id': 'order-4711',
      'bridge-job-metadata': '{"tenant":"blue"}',
    });
    expect(received).toEqual([
      {
        inboxKey: 'msg_1:',
        correlationId: 'order-4711',
        metadata: { tenant: 'blue' },
        event: { type: 'batch.succeeded', data: { id: 'batches/1' } },
      },
    ]);
  });

  it('has no value for a missing header', async () => {
    const { received } = await handled({ 'webhook-id': 'msg_1' });
    expect(received).toMatchObject([{ correlationId: undefined, metadata: undefined }]);
  });

  it('keeps the id of a replay in the key', async () => {
    const { received } = await handled({
      'webhook-id': 'msg_1',
      'bridge-replay-id': 'r1',
    });
    expect(received).toMatchObject([{ inboxKey: 'msg_1:r1' }]);
  });

  it('parks an event that fails, and commits its offset', async () => {
    const { parked } = await handled({ 'webhook-id': 'msg_1' }, { complete: failing });
    expect(parked).toMatchObject([{ inboxKey: 'msg_1:' }]);
  });
});

function failing(): Promise<void> {
  return Promise.reject(new TypeError('fails every time'));
}

function read(path: string): string {
  return readFileSync(path, 'utf8');
}

/** Resolves an import to this repository, because the sample runs from a temporary folder without packages. */
function resolved(_clause: string, name: string): string {
  return `from '${fileURLToPath(import.meta.resolve(name))}'`;
}
