import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GeminiEmulator } from '../../../packages/gemini-emulator/src/emulator.js';
import type { StaticWebhook } from '../../../packages/gemini-emulator/src/webhooks/webhooks.js';
import { startBridge, type BridgeProcess } from '../../../packages/testbed/src/bridge.js';
import { startKafka, type KafkaCluster } from '../../../packages/testbed/src/kafka.js';
import { freePorts } from '../../../packages/testbed/src/process/free-ports.js';
import { until } from '../../../packages/testbed/src/until.js';
import { temporaryFolder } from '../../../packages/testbed/src/process/temporary-folder.js';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import { ask, type Answer } from '../../support/sender.js';
import {
  ROLES,
  type Fixture,
  type FixtureDelivery,
  type FixtureKey,
  type JobView,
  type Role,
  type Store,
} from './fixture.js';
import { dumpTopics } from './kafka-dump.js';
import type { OldVersion } from './old-version.js';
import { dumpRedis } from './redis-dump.js';

const MODEL = 'gemini-2.5-flash';
const BATCH = {
  model: MODEL,
  requests: [{ request: { contents: [{ parts: [{ text: 'Why is the sky blue?' }] }] } }],
  metadata: { tenant: 'acme', naïve: '✓' },
};
const IDEMPOTENCY_KEY = 'order-awaited';
/** URL of a webhook whose rotation is under way when the old version is killed. It gets no deliveries. */
const SPARE_URL = 'https://spare.example/webhooks/gemini';

/** With `log` the sealed document is in Redis, and the prefixes are the default ones. With `redis` it is in a file. */
const ENVIRONMENTS: Readonly<Record<Store, Readonly<Record<string, string>>>> = {
  log: { DEDUPE_STORE: 'log' },
  redis: {
    DEDUPE_STORE: 'redis',
    TOPIC_PREFIX: 'other',
    REDIS_KEY_PREFIX: 'other-bridge',
  },
};

/** Runs the old version until each role has its job, kills it, and dumps its data. */
export async function driveOldVersion(
  { commit, script }: OldVersion,
  store: Store,
): Promise<Fixture> {
  await using kafka = await startKafka({ own: true });
  await using redis = await startRedis({ own: true });
  // `jwt` from the start, because the bridge reads the token keys when it starts. The tokens do not contain the event
  await using gemini = await GeminiEmulator.start({
    dynamic: 'jwt',
    jwt: { eventInClaims: false },
  });
  const folder = await temporaryFolder('gemini-kafka-bridge-fixture');
  const [port = 0] = await freePorts(1);
  const environment = environmentOf(store, `http://127.0.0.1:${port}`, gemini);
  const files = keyFiles();
  const paths = await written(folder.path, files);
  const vaultFile = join(folder.path, 'vault');
  await using bridge = await startBridge(
    {
      ...environment,
      ...paths,
      ...(store === 'redis' && { VAULT_FILE: vaultFile }),
      PORT: String(port),
      KAFKA_BROKERS: kafka.brokers,
      REDIS_URL: redis.url,
      GEMINI_URL: gemini.url,
      JWKS_URL: gemini.jwksUrl,
      JOB_LOOK_AFTER_SECONDS: '1',
    },
    { script },
  );
  await bridge.ready();
  const run = new OldRun(kafka, redis, gemini, bridge, files.API_TOKENS_FILE.trim());
  const { redis: keys, jobs, madeAt } = await run.untilDead();
  await kafka.nodes[0]?.restart();
  const vault = store === 'redis' && { VAULT_FILE: await readFile(vaultFile, 'utf8') };
  await folder.remove();
  return {
    commit,
    madeAt,
    environment,
    files: { ...files, ...vault },
    signingSecrets: webhookAt(gemini, mainUrl(bridge)).secrets.live(),
    submission: { idempotencyKey: IDEMPOTENCY_KEY, body: submissionOf('awaited') },
    jobs,
    accepted: acceptedBy(gemini),
    waiting: run.endJobs(),
    gemini: await answersOf(gemini),
    records: await dumpTopics(kafka.brokers, environment['TOPIC_PREFIX'] ?? 'gemini'),
    redis: keys,
  };
}

function environmentOf(
  store: Store,
  publicUrl: string,
  { apiKey }: GeminiEmulator,
): Record<string, string> {
  return {
    PUBLIC_URL: publicUrl,
    TOPIC_PARTITIONS: '2',
    TOPIC_REPLICATION: '1',
    TOPIC_MIN_ISR: '1',
    GEMINI_API_KEY: apiKey,
    WEBHOOKS: JSON.stringify([
      { name: 'main' },
      { name: 'spare', url: SPARE_URL, events: ['batch.expired'] },
    ]),
    JWT_AUDIENCE: 'unchecked',
    ...ENVIRONMENTS[store],
  };
}

function keyFiles() {
  return {
    CAPABILITY_KEYS_FILE: `k1:${randomText(32)}\n`,
    VAULT_KEYS_FILE: `v1:${randomText(32)}\n`,
    API_TOKENS_FILE: `${randomText(24)}\n`,
  };
}

function randomText(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}

/** The parts of a fixture that are dumped while no job changes. */
interface Moment {
  readonly madeAt: string;
  readonly redis: readonly FixtureKey[];
  readonly jobs: Fixture['jobs'];
}

class OldRun {
  private readonly ids = new Map<Role, string>();
  private readonly names = new Map<Role, string>();

  constructor(
    private readonly kafka: KafkaCluster,
    private readonly redis: RedisServer,
    private readonly gemini: GeminiEmulator,
    private readonly bridge: BridgeProcess,
    private readonly token: string,
  ) {}

  async untilDead(): Promise<Moment> {
    await this.rotateSecret();
    await this.submitJobs();
    await this.deliverEvents();
    await this.loseAnswer();
    await this.drain();
    await this.kafka.nodes[0]?.pause();
    await this.leaveThingsUndone();
    const moment = await this.dump();
    this.bridge.kill('SIGKILL');
    await this.bridge.exited;
    return moment;
  }

  /** Ends jobs after the old version was killed. @returns the deliveries that wait for an answer */
  endJobs(): Fixture['waiting'] {
    const { gemini } = this;
    gemini.options.loseEvents = 1;
    gemini.finishJob(this.nameOf('overdue'), 'succeeded');
    gemini.options.loseEvents = 0;
    const [awaited = ''] = gemini.finishJob(this.nameOf('awaited'), 'succeeded');
    const [embedding = ''] = gemini.finishJob(this.nameOf('embedding'), 'succeeded');
    const name = this.nameOf('reconciled');
    const { webhookUris: uris, userMetadata = {} } = gemini.batches.get(name);
    const [late = ''] = gemini.emit(
      'batch.succeeded',
      { id: name },
      { uris, userMetadata },
    );
    const waiting = (wanted: (id: string) => boolean): FixtureDelivery => {
      const found = gemini.pendingDeliveries.find(({ webhookId }) => wanted(webhookId));
      if (!found) throw new Error('Gemini has no such pending delivery');
      const { webhookId, url, body } = found;
      return { webhookId, path: new URL(url).pathname, body };
    };
    const others = [awaited, embedding, late];
    return {
      awaited: waiting((id) => id === awaited),
      embedding: waiting((id) => id === embedding),
      late: waiting((id) => id === late),
      claimed: waiting((id) => !others.includes(id)),
    };
  }

  /** Rotates the secret of `main`, which has two live secrets afterwards. */
  private async rotateSecret(): Promise<void> {
    await until('two webhooks', () => this.gemini.webhooks.all().length === 2, {
      state: () => this.gemini.webhooks.all(),
    });
    const main = webhookAt(this.gemini, mainUrl(this.bridge));
    await until(
      'a rotation to be accepted',
      async () => (await this.rotate(main)).status === 200,
    );
  }

  private rotate({ id }: StaticWebhook): Promise<Answer> {
    return this.api(`webhooks/${id}/rotate`, {});
  }

  private async submitJobs(): Promise<void> {
    await this.submit('awaited', 'batches', submissionOf('awaited'), {
      'idempotency-key': IDEMPOTENCY_KEY,
    });
    for (const role of ['succeeded', 'failed', 'token', 'reconciled', 'overdue'] as const)
      await this.submit(role, 'batches', submissionOf(role));
    const { model, requests } = BATCH;
    const content = requests[0]?.request.contents[0];
    await this.submit('embedding', 'embedding-batches', {
      model,
      requests: [{ request: { content } }],
    });
    await this.submit('interaction', 'interactions', {
      interaction: { model, input: 'Tell me of the sea.' },
    });
    await this.submit('video', 'videos', {
      model: 'veo-3.1-generate-preview',
      instances: [{ prompt: 'The sea at dusk' }],
    });
  }

  private async deliverEvents(): Promise<void> {
    const { gemini } = this;
    gemini.finishJob(this.nameOf('token'), 'succeeded');
    await gemini.drained();
    gemini.options.dynamic = 'v1a';
    gemini.finishJob(this.nameOf('succeeded'), 'succeeded');
    gemini.finishJob(this.nameOf('failed'), 'failed', { errorMessage: 'too many cats' });
    // The static webhook gets an event of another program's video. The URL of `awaited` gets an event of `overdue`
    gemini.emit('video.generated', { id: 'operations/1' });
    const { webhookUris: uris } = gemini.batches.get(this.nameOf('awaited'));
    gemini.emit('batch.succeeded', { id: this.nameOf('overdue') }, { uris });
    await gemini.drained();
    gemini.options.loseEvents = 1;
    gemini.finishJob(this.nameOf('reconciled'), 'succeeded');
    gemini.options.loseEvents = 0;
    await until(
      'the event that Gemini lost',
      async () => (await this.viewOf('reconciled')).state === 'succeeded',
    );
  }

  /** Submits the job `unknown`. Gemini accepts it, but the bridge cannot learn its name. */
  private async loseAnswer(): Promise<void> {
    const always = { status: 503, probability: 1 };
    this.gemini.fault('batches.list', { kind: 'status', ...always });
    this.gemini.fault('batches.create', { kind: 'accept-then-status' });
    const { json } = await this.api('batches', submissionOf('unknown'));
    this.ids.set('unknown', (json as { id: string }).id);
  }

  /** Waits until the records of all jobs are published, and no publication has a lease. */
  private async drain(): Promise<void> {
    await until(
      'Redis without open work',
      async () => !(await dumpRedis(this.redis.url)).some(isOpen),
      { limitMs: 90_000 }, // leases last up to 60 s
    );
  }

  /** Begins work that the bridge cannot finish, because Kafka hangs and Gemini does not answer. */
  private async leaveThingsUndone(): Promise<void> {
    await this.submit('untold', 'batches', submissionOf('untold'));
    const before = new Set((await dumpRedis(this.redis.url)).map(({ key }) => key));
    const [claimed = ''] = this.gemini.emit('video.generated', { id: 'operations/2' });
    this.gemini.fault('batches.create', { kind: 'accept-then-hang' });
    void this.api('batches', submissionOf('submitting')).catch(() => undefined);
    this.gemini.fault('webhooks.rotateSigningSecret', { kind: 'accept-then-hang' });
    const spare = webhookAt(this.gemini, SPARE_URL);
    const secrets = spare.secrets.live().length;
    void this.rotate(spare).catch(() => undefined);
    await until('a new secret', () => spare.secrets.live().length > secrets);
    await until('the keys of the claim and of the job', async () => {
      const names = (await dumpRedis(this.redis.url)).map(({ key }) => key);
      const isNew = (part: string): boolean =>
        names.some((name) => !before.has(name) && name.includes(part));
      return isNew(claimed) && isNew(':job:') && this.gemini.jobs.length === ROLES.length;
    });
    const jobs = (await this.api('jobs')).json as { jobs: readonly JobView[] };
    const submitting = jobs.jobs.find(({ state }) => state === 'submitting');
    this.ids.set('submitting', submitting?.id ?? '');
  }

  /** Dumps Redis and the API's answers about all jobs, again until no job changes meanwhile. */
  private async dump(): Promise<Moment> {
    for (;;) {
      const before = await dumpRedis(this.redis.url);
      const views = await Promise.all(
        Array.from(this.ids.keys(), async (role) => [role, await this.viewOf(role)]),
      );
      const redis = await dumpRedis(this.redis.url);
      if (jobsIn(before) !== jobsIn(redis)) continue;
      const jobs = Object.fromEntries(views) as Fixture['jobs'];
      return { madeAt: new Date().toISOString(), redis, jobs };
    }
  }

  private async submit(
    role: Role,
    collection: string,
    body: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const { status, text, json } = await this.api(collection, body, headers);
    if (status !== 202) throw new Error(`${role}: ${status} ${text}`);
    const { id, geminiName = '' } = json as JobView;
    this.ids.set(role, id);
    this.names.set(role, geminiName);
  }

  private async viewOf(role: Role): Promise<JobView> {
    return (await this.api(`jobs/${this.ids.get(role)}`)).json as JobView;
  }

  private nameOf(role: Role): string {
    return this.names.get(role) ?? '';
  }

  /** Sends a GET request without a body, or a POST request with a body. */
  private api(
    path: string,
    body?: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    return ask(`${this.bridge.internalUrl}/v1/${path}`, {
      method: body ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${this.token}`,
        'content-type': 'application/json',
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  }
}

/** True for a lease of a publication, and for a job with records that are not published yet. */
function isOpen(key: FixtureKey): boolean {
  if (key.key.includes(':lease:')) return true;
  return key.type === 'hash' && key.value['job']?.includes('"untold"') === true;
}

function jobsIn(keys: readonly FixtureKey[]): string {
  return JSON.stringify(keys.filter(({ key }) => key.includes(':job:')));
}

/** URL of the static webhook `main`. */
function mainUrl({ url }: BridgeProcess): string {
  return `${url}/webhooks/gemini`;
}

function submissionOf(role: Role): Readonly<Record<string, unknown>> {
  return { ...BATCH, correlationId: `order-${role}` };
}

/** Writes each text into a file with its name. @returns the paths by name */
async function written(
  folder: string,
  texts: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const paths: Record<string, string> = {};
  for (const [name, text] of Object.entries(texts)) {
    paths[name] = join(folder, name);
    await writeFile(paths[name], text, { mode: 0o600 });
  }
  return paths;
}

function webhookAt({ webhooks }: GeminiEmulator, wanted: string): StaticWebhook {
  const found = webhooks.all().find(({ uri }) => uri === wanted);
  if (!found) throw new Error(`Gemini has no webhook at ${wanted}`);
  return found;
}

function acceptedBy({ deliveries }: GeminiEmulator): Fixture['accepted'] {
  return deliveries
    .filter(({ status }) => status === 200)
    .map(({ webhookId, url, body, headers }) => ({
      webhookId,
      path: new URL(url).pathname,
      body,
      isToken: headers['Webhook-Signature']?.startsWith('eyJ') ?? false,
    }));
}

/** Gemini's answers about the jobs, the list of batches and the webhooks, by path. */
async function answersOf(gemini: GeminiEmulator): Promise<Record<string, unknown>> {
  gemini.faults.clear();
  const paths = [
    ...gemini.jobs.map(({ name }) => `/v1beta/${name}`),
    ...gemini.webhooks.all().map(({ id }) => `/v1beta/webhooks/${id}`),
    '/v1beta/batches',
    '/v1beta/webhooks',
  ];
  const answers: Record<string, unknown> = {};
  for (const path of paths) {
    const { json } = await ask(gemini.url + path, {
      headers: { 'x-goog-api-key': gemini.apiKey },
    });
    answers[path] = json;
  }
  return answers;
}
