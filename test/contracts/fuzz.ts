// `npm run test:api-fuzz`: sends requests that Schemathesis generates from the OpenAPI document. `--help` lists the options
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBridge } from '../../packages/testbed/src/bridge.js';
import { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';
import type { Fault } from '../../packages/gemini-emulator/src/control/faults.js';
import { startKafka } from '../../packages/testbed/src/kafka.js';
import { cached } from '../../packages/testbed/src/process/cache.js';
import { freePorts } from '../../packages/testbed/src/process/free-ports.js';
import { toStderr } from '../../packages/testbed/src/process/log.js';
import { onPath } from '../../packages/testbed/src/process/on-path.js';
import { run, tail } from '../../packages/testbed/src/process/run.js';
import { spawnManaged } from '../../packages/testbed/src/process/spawn.js';
import { temporaryFolder } from '../../packages/testbed/src/process/temporary-folder.js';
import { temporaryFile } from '../support/temporary-file.js';

const VERSION = '4.32.5';
const USAGE = `Sends requests to the internal API of a bridge that Schemathesis ${VERSION} generates from its OpenAPI
document. Fails on a 500 and on any answer that the document does not have. Gemini is emulated and
refuses, drops or delays some calls. Needs python3 with venv; the first run gets Schemathesis from
PyPI and keeps it in ~/.cache/gemini-kafka-bridge.

  npm run test:api-fuzz -- [options]

  --examples N   number of requests for each operation (default 200)
  --seed N       seed of the requests; the same seed gives the same (default: a random one)
  --no-faults    Gemini always answers
  --kafka        starts a broker, so that jobs end and have results; needs Java as the tests do
  --help         prints this and ends`;

const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'response_headers_conformance',
];

/** Allows 502 to 504, which report a failure of Gemini or Redis. Like any status, the document must have them. */
const SETTINGS = `hooks = "hooks.py"

[phases.coverage]
generate-duplicate-query-parameters = true

[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "502", "503", "504"]
`;

/** Sends JSONL as plain text, and prints at the end how often each answer came. */
const HOOKS = `import atexit
from collections import Counter

import schemathesis

schemathesis.serializer.alias("application/jsonl", "text/plain")
seen = Counter()


@schemathesis.hook
def after_call(context, case, response):
    try:
        code = response.json()["code"]
    except Exception:
        code = ""
    seen[f"{case.method} {case.path} {response.status_code} {code}"] += code != "not-found"


@atexit.register
def tell():
    for answer, count in sorted((+seen).items()):
        print(f"{count:6} {answer}")
`;

/** Gemini ends a job after `END_MS` and a random part of `END_SPREAD_MS`. */
const END_MS = 500;
const END_SPREAD_MS = 3000;

const START = 'from schemathesis.cli import schemathesis; schemathesis()';

/** Faults of Gemini, each met by some of the calls. */
const FAULTS: readonly Fault[] = [
  { kind: 'status', status: 400, probability: 0.05 },
  { kind: 'status', status: 429, probability: 0.05, retryAfterSeconds: 7 },
  { kind: 'status', status: 500, probability: 0.05 },
  { kind: 'status', status: 503, probability: 0.05, retryAfterSeconds: 3 },
  { kind: 'accept-then-drop', probability: 0.05 },
];

interface Options {
  readonly examples: number;
  readonly seed: number;
  readonly faults: boolean;
  readonly kafka: boolean;
}

async function fuzz({ examples, seed, faults, kafka }: Options): Promise<boolean> {
  const python = await schemathesis();
  await using broker = kafka ? await startKafka({ nodes: 1 }) : undefined;
  const [port] = await freePorts(1);
  await using gemini = await GeminiEmulator.start({
    seed,
    autoFinishMs: END_MS,
    autoFinishSpreadMs: END_SPREAD_MS,
  });
  if (faults) for (const fault of FAULTS) gemini.fault('*', fault);
  using keys = temporaryFile(`k1:${randomBytes(32).toString('base64url')}`);
  const token = randomBytes(24).toString('base64url');
  using tokens = temporaryFile(`${token} fuzz`);
  await using bridge = await startBridge({
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    KAFKA_BROKERS: broker?.brokers ?? '127.0.0.1:1',
    TOPIC_REPLICATION: '1',
    TOPIC_MIN_ISR: '1',
    DEDUPE_STORE: 'memory',
    JWKS_URL: gemini.jwksUrl,
    GEMINI_URL: gemini.url,
    GEMINI_API_KEY: gemini.apiKey,
    CAPABILITY_KEYS_FILE: keys.path,
    VAULT_KEYS_FILE: keys.path,
    VAULT_FILE: `${keys.path}.vault`,
    API_TOKENS_FILE: tokens.path,
    API_RATE_PER_MINUTE: '0',
  });
  if (broker) await bridge.ready();
  toStderr(`fuzz: ${bridge.internalUrl}, seed ${seed}, ${examples} of each operation`);
  const ok = await send(python, bridge.internalUrl, token, { examples, seed });
  for (const line of bridge.lines.filter((each) =>
    each.includes('internal API failed'),
  )) {
    toStderr(line);
  }
  return ok;
}

async function send(
  python: string,
  url: string,
  token: string,
  { examples, seed }: Pick<Options, 'examples' | 'seed'>,
): Promise<boolean> {
  const folder = await temporaryFolder('api-fuzz');
  await writeFile(join(folder.path, 'schemathesis.toml'), SETTINGS);
  await writeFile(join(folder.path, 'hooks.py'), HOOKS);
  const options = [
    ['--checks', CHECKS.join(',')],
    ['--max-examples', String(examples)],
    ['--seed', String(seed)],
    ['--header', `Authorization: Bearer ${token}`],
    ['--request-timeout', '60'],
    ['--generation-database', 'none'],
    ['--continue-on-failure'],
    ['--no-color'],
  ].flat();
  const child = spawnManaged({
    command: python,
    args: ['-c', START, 'run', `${url}/docs/openapi.json`, ...options],
    cwd: folder.path,
    output: (line) => void process.stdout.write(`${line}\n`),
  });
  const { code } = await child.exited;
  await folder.remove();
  return code === 0;
}

/** Path of a Python that has Schemathesis. @throws {Error} without Python or PyPI */
async function schemathesis(): Promise<string> {
  const python = onPath('python3');
  if (python === undefined) {
    throw new Error('python3 is not on the PATH: install Python 3 with venv');
  }
  const folder = await cached(`schemathesis-${VERSION}`, async (draft) => {
    toStderr(`fuzz: getting Schemathesis ${VERSION} from PyPI`);
    await runOrThrow(python, ['-m', 'venv', draft]);
    const pip = '-m pip install --quiet --disable-pip-version-check'.split(' ');
    await runOrThrow(join(draft, 'bin', 'python'), [...pip, `schemathesis==${VERSION}`]);
  });
  return join(folder, 'bin', 'python');
}

/** Runs a command. @throws {Error} with the end of its output if it fails */
async function runOrThrow(command: string, args: readonly string[]): Promise<void> {
  const { ok, output } = await run(command, args);
  if (!ok) throw new Error(`${command} ${args.join(' ')} failed:\n${tail(output)}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      examples: { type: 'string', default: '200' },
      seed: { type: 'string', default: String(randomBytes(4).readUInt32BE()) },
      kafka: { type: 'boolean', default: false },
      'no-faults': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const [examples, seed] = [Number(values.examples), Number(values.seed)];
  if (!(examples >= 1)) {
    throw new Error(`--examples must be 1 or more, not ${values.examples}`);
  }
  if (!(seed >= 0)) throw new Error(`--seed must be 0 or more, not ${values.seed}`);
  const { kafka, 'no-faults': healthy } = values;
  return (await fuzz({ examples, seed, kafka, faults: !healthy })) ? 0 : 1;
}

process.exitCode = await main().catch((error: unknown) => {
  toStderr(error instanceof Error ? error.message : String(error));
  return 2;
});
