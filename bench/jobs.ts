// `npm run bench:jobs` measures the cost of a long upload and of a long list. bench/README.md explains the results.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import {
  imageNode,
  startBridge,
  startRedis,
  type BridgeProcess,
} from '../packages/testbed/index.js';
import { GeminiEmulator } from '../packages/gemini-emulator/src/emulator.js';
import { secondsSince, toStderr } from '../packages/testbed/src/process/log.js';
import { newJobId } from '../src/jobs/registry/job-id.js';
import type { Job } from '../src/jobs/job.js';
import { RedisJobRegistry } from '../src/jobs/registry/redis.job-registry.js';
import { temporaryFile } from '../test/support/temporary-file.js';
import { memory } from './process-usage.js';

const USAGE = `Measures the bridge's memory during an upload, and its memory and answer times while many jobs are listed by page.

  npm run bench:jobs -- [options]

  --mib N    size of the upload in MiB (default 1024)
  --jobs N   number of jobs in Redis (default 100000)
  --help     prints this and ends`;

const MIB = 1024 * 1024;
const SAMPLE_MS = 100;
const PAGE = 200;
const AT_ONCE = 500;

async function bench(length: number, jobs: number): Promise<void> {
  await using redis = await startRedis({ own: true });
  const gemini = await GeminiEmulator.start();
  const node = await imageNode(toStderr);
  using keys = temporaryFile(`k1:${randomBytes(32).toString('base64url')}`);
  try {
    const environment = {
      NODE_ENV: 'production',
      KAFKA_BROKERS: '127.0.0.1:1', // this benchmark publishes nothing
      DEDUPE_STORE: 'redis',
      REDIS_URL: redis.url,
      PUBLIC_URL: 'http://127.0.0.1:1',
      GEMINI_URL: gemini.url,
      GEMINI_API_KEY: gemini.apiKey,
      CAPABILITY_KEYS_FILE: keys.path,
      API_RATE_PER_MINUTE: '0',
    };
    await using bridge = await startBridge(environment, { node });
    await fill(redis.url, jobs);
    await list(bridge, jobs);
    await upload(bridge, length);
  } finally {
    await gemini.stop();
  }
}

async function fill(url: string, count: number): Promise<void> {
  const startMs = performance.now();
  const registry = new RedisJobRegistry({ url });
  while (registry.unready !== undefined) await new Promise(setImmediate);
  for (let added = 0; added < count; added += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - added) }, (_, i) =>
        registry.add(jobAt(added + i)),
      ),
    );
  }
  registry.onApplicationShutdown();
  toStderr(`jobs: ${count} in Redis after ${secondsSince(startMs)}`);
}

/** Every thousandth job belongs to the tenant `rare`. */
function jobAt(n: number): Job {
  const time = new Date().toISOString();
  return {
    id: newJobId(),
    kind: 'batch',
    state: 'succeeded',
    correlationId: `order-${n}`,
    metadata: { tenant: n % 1000 === 0 ? 'rare' : 'usual' },
    announcedBy: 'job',
    model: 'gemini-flash',
    attempts: 1,
    geminiName: `batches/${n}`,
    createdAt: time,
    updatedAt: time,
    endedAt: time,
  };
}

async function list(bridge: BridgeProcess, expected: number): Promise<void> {
  for (const filter of ['', '&state=succeeded', '&metadata.tenant=rare']) {
    const times: number[] = [];
    const idle = memory(bridge.pid).residentMiB;
    let found = 0;
    let cursor: string | undefined;
    let highest = 0;
    do {
      const after = cursor === undefined ? '' : `&cursor=${cursor}`;
      const startMs = performance.now();
      const response = await fetch(
        `${bridge.internalUrl}/v1/jobs?limit=${PAGE}${filter}${after}`,
      );
      const page = (await response.json()) as { jobs: object[]; nextCursor?: string };
      times.push(performance.now() - startMs);
      found += page.jobs.length;
      cursor = page.nextCursor;
      highest = Math.max(highest, memory(bridge.pid).residentMiB);
    } while (cursor !== undefined);
    times.sort((a, b) => a - b);
    print(
      `list${filter || ' of all'}: ${found} of ${expected} jobs in ${times.length} pages; a page ` +
        `took ${ms(times[times.length >> 1])} in the median, ${ms(times.at(-1))} at most; ` +
        `resident ${mib(idle)} before, ${mib(highest)} at most`,
    );
  }
}

async function upload(
  { internalUrl, pid }: BridgeProcess,
  length: number,
): Promise<void> {
  const line = JSON.stringify({
    key: 'a',
    request: { contents: [{ parts: [{ text: 'x'.repeat(64_000) }] }] },
  });
  const piece = Buffer.from(`${line}\n`);
  const pieces = Math.ceil((length * MIB) / piece.length);
  const content = Readable.from(
    (function* repeated() {
      for (let n = 0; n < pieces; n++) yield piece;
    })(),
  );
  const before = memory(pid).residentMiB;
  let highest = 0;
  const sampling = setInterval(() => {
    highest = Math.max(highest, memory(pid).residentMiB);
  }, SAMPLE_MS);
  const startMs = performance.now();
  const response = await fetch(`${internalUrl}/v1/batches?model=gemini-flash`, {
    method: 'POST',
    headers: { 'content-type': 'application/jsonl' },
    body: Readable.toWeb(content) as ReadableStream,
    duplex: 'half',
  });
  clearInterval(sampling);
  const answer = await response.text();
  if (response.status !== 202) throw new Error(`${response.status} ${answer}`);
  print(
    `upload: ${mib((pieces * piece.length) / MIB)} in ${secondsSince(startMs)}; ` +
      `resident ${mib(before)} before, ${mib(highest)} at most`,
  );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const ms = (value = 0) => `${value.toFixed(1)} ms`;
const mib = (value: number) => `${Math.round(value)} MiB`;

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    jobs: { type: 'string', default: '100000' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) print(USAGE);
else await bench(Number(values.mib), Number(values.jobs));
