import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import { startBridge, type BridgeProcess } from '../../../packages/testbed/src/bridge.js';
import type { KafkaCluster } from '../../../packages/testbed/src/kafka.js';
import type { RedisServer } from '../../../packages/testbed/src/redis.js';
import {
  ask,
  post,
  signedToken,
  signedV1,
  signedV1a,
  type Answer,
  type Content,
  type Signed,
} from '../../support/sender.js';
import { readTopics, type LoggedRecord } from '../../support/topic-log.js';
import {
  readFixture,
  ROLES,
  type Fixture,
  type FixtureDelivery,
  type JobView,
  type Role,
  type Store,
} from './fixture.js';
import { loadTopics } from './kafka-dump.js';
import { ISSUED_SECRET, RecordedGemini } from './recorded-gemini.js';
import { endLeases, loadRedis } from './redis-dump.js';

const CLOCK = pathToFileURL(
  join(import.meta.dirname, '..', '..', 'support', 'preload', 'clock.mjs'),
);
/** Time from the dump to the start of the present version, by its clock. It exceeds a submission's lease. */
const LATER_MS = 60_000;

/** How a delivery is signed: by a secret of a static webhook, or by Google. */
export type Scheme =
  | 'newest-secret'
  | 'older-secret'
  /** The secret that Gemini issued to the present version. */
  | 'issued-secret'
  | 'v1a'
  | 'token';

/** The present version with the data of the old version. */
export class Upgraded implements AsyncDisposable {
  private constructor(
    readonly fixture: Fixture,
    readonly gemini: RecordedGemini,
    private readonly bridge: BridgeProcess,
    private readonly redis: Redis,
    private readonly brokers: string,
    private readonly folder: string,
    private readonly skewMs: number,
    /** The API's answer about each job right after the start. */
    readonly shown: Readonly<Record<string, unknown>>,
  ) {}

  /**
   * Loads the fixture of a store and starts the present version. Its clock starts one minute after the dump, so no
   * stored time is rewritten. The leases of the old replicas last until `endOldReplicas`.
   */
  static async start(
    store: Store,
    kafka: KafkaCluster,
    server: RedisServer,
  ): Promise<Upgraded> {
    const fixture = readFixture(store);
    const redis = new Redis(server.url);
    await loadRedis(redis, fixture.redis);
    const partitions = Number(fixture.environment['TOPIC_PARTITIONS']);
    await loadTopics(kafka.brokers, fixture.records, partitions);
    const gemini = await RecordedGemini.start(fixture.gemini);
    const folder = mkdtempSync(join(tmpdir(), 'bridge-compatibility-'));
    const skewMs = Date.parse(fixture.madeAt) + LATER_MS - Date.now();
    const bridge = await startBridge({
      ...fixture.environment,
      ...filesIn(folder, fixture.files),
      KAFKA_BROKERS: kafka.brokers,
      REDIS_URL: server.url,
      GEMINI_URL: gemini.url,
      JWKS_URL: gemini.jwksUrl,
      NODE_OPTIONS: `--import=${CLOCK.href}`,
      CLOCK_SKEW_MS: String(skewMs),
    });
    await bridge.ready();
    const token = (fixture.files['API_TOKENS_FILE'] ?? '').trim();
    const shown: Record<string, unknown> = {};
    for (const role of ROLES) {
      const path = `jobs/${fixture.jobs[role].id}`;
      shown[role] = (await call(bridge, token, path)).json;
    }
    return new Upgraded(
      fixture,
      gemini,
      bridge,
      redis,
      kafka.brokers,
      folder,
      skewMs,
      shown,
    );
  }

  /** Ends the leases of the old replicas, as if the replicas had ended. */
  async endOldReplicas(): Promise<void> {
    await endLeases(this.redis, this.fixture.redis);
  }

  async job(role: Role): Promise<JobView> {
    return (await this.api(`jobs/${this.fixture.jobs[role].id}`)).json as JobView;
  }

  /** Sends a GET request without a body, or a POST request with a body. */
  api(
    path: string,
    body?: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const token = (this.fixture.files['API_TOKENS_FILE'] ?? '').trim();
    return call(this.bridge, token, path, body, headers);
  }

  /** Sends a delivery as Gemini does, with a new timestamp and signature. */
  async deliver({ path, ...given }: FixtureDelivery, scheme: Scheme): Promise<Answer> {
    const timestamp = Math.floor((Date.now() + this.skewMs) / 1000);
    const content = { id: given.webhookId, timestamp, body: given.body };
    return post(this.bridge.url + path, await this.signed(content, scheme));
  }

  /** The records with a `webhook-id`. */
  async recordsOf(webhookId: string): Promise<LoggedRecord[]> {
    const all = await this.records();
    return all.filter(({ headers }) => headers['webhook-id'] === webhookId);
  }

  /** All records of the old version and of the present one. */
  records(): Promise<LoggedRecord[]> {
    return readTopics(this.brokers, this.fixture.environment['TOPIC_PREFIX']);
  }

  private signed(content: Required<Content>, scheme: Scheme): Signed | Promise<Signed> {
    const { keys } = this.gemini;
    if (scheme === 'v1a') return signedV1a(keys, content);
    if (scheme === 'token') {
      const { id: jti, timestamp: iat } = content;
      return signedToken(keys, { iat, exp: iat + 300, jti }, content);
    }
    const [newest = '', older = ''] = this.fixture.signingSecrets;
    const secrets = {
      'newest-secret': newest,
      'older-secret': older,
      'issued-secret': ISSUED_SECRET,
    };
    return signedV1(content, [secrets[scheme]]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bridge.stop();
    this.redis.disconnect();
    await this.gemini[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true });
  }
}

function call(
  { internalUrl }: BridgeProcess,
  token: string,
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return ask(`${internalUrl}/v1/${path}`, {
    method: body ? 'POST' : 'GET',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
  });
}

/** Writes each text into a file. @returns the paths by variable */
function filesIn(
  folder: string,
  texts: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, content]) => {
      const path = join(folder, name);
      writeFileSync(path, content, { mode: 0o600 });
      return [name, path];
    }),
  );
}
