import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startKafka, type KafkaCluster } from '../../../packages/testbed/src/kafka.js';
import { until } from '../../../packages/testbed/src/until.js';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import { countById } from '../../support/topic-log.js';
import { ROLES, STORES, type FixtureDelivery } from './fixture.js';
import { Upgraded, type Scheme } from './upgraded.js';

const PUBLISHED = { status: 'published' };
const DUPLICATE = { status: 'duplicate' };
/** Lets the broker accept the timestamps of the fixture's records, which may be far from its own time. */
const ANY_TIME = { 'log.message.timestamp.after.max.ms': String(2n ** 63n - 1n) };

let kafka: KafkaCluster;
let redis: RedisServer;

beforeAll(async () => {
  kafka = await startKafka({ own: true, properties: ANY_TIME });
  redis = await startRedis({ own: true });
}, 120_000);

afterAll(async () => {
  await redis?.stop();
  await kafka?.stop();
}, 60_000);

/** fixtures/README.md describes the fixtures. */
describe.each(STORES)('after an upgrade with DEDUPE_STORE=%s', (store) => {
  let now: Upgraded;

  beforeAll(async () => {
    now = await Upgraded.start(store, kafka, redis);
  }, 60_000);

  afterAll(async () => {
    await now?.[Symbol.asyncDispose]();
  }, 60_000);

  describe('while old replicas still run', () => {
    it.each(ROLES)('the API shows the job "%s" as the old version did', (role) => {
      expect(now.shown[role]).toEqual(now.fixture.jobs[role]);
    });

    it('the API lists the jobs by state and by kind', async () => {
      const { jobs } = now.fixture;
      expect(await listed('state=failed')).toEqual([jobs.failed.id]);
      expect(await listed('state=unknown')).toEqual([jobs.unknown.id]);
      expect(await listed('kind=video')).toEqual([jobs.video.id]);
      const all = ROLES.map((role) => jobs[role].id);
      expect(await listed('')).toEqual(all.toSorted().toReversed());
    });

    it('a submission repeated with its Idempotency-Key finds its job', async () => {
      const { submission, jobs } = now.fixture;
      const { status, headers, json } = await now.api('batches', submission.body, {
        'idempotency-key': submission.idempotencyKey,
      });
      expect([status, headers.get('idempotency-replayed')]).toEqual([202, 'true']);
      expect(json).toMatchObject({ id: jobs.awaited.id });
    });

    it('a delivery at an old capability URL is published with its correlation, and ends the job', async () => {
      const { waiting, jobs } = now.fixture;
      const { json } = await now.deliver(waiting.awaited, 'v1a');
      expect(json).toEqual(PUBLISHED);
      const [record, ...others] = await now.recordsOf(waiting.awaited.webhookId);
      expect(others).toEqual([]);
      expect(record).toMatchObject({
        key: jobs.awaited.geminiName,
        headers: {
          'bridge-job-id': jobs.awaited.id,
          'correlation-id': 'order-awaited',
          'bridge-job-metadata': JSON.stringify({ tenant: 'acme', naïve: '✓' }),
        },
      });
      expect(await now.job('awaited')).toMatchObject({
        state: 'succeeded',
        lastEvent: { webhookId: waiting.awaited.webhookId },
      });
    });

    it.each<Scheme>(['newest-secret', 'older-secret'])(
      'a delivery is verified with the %s of the sealed document',
      async (scheme) => {
        const delivery = staticEvent(`operations/${scheme}`);
        expect((await now.deliver(delivery, scheme)).json).toEqual(PUBLISHED);
        expect(await now.recordsOf(delivery.webhookId)).toHaveLength(1);
      },
    );

    it("the static webhook's event of an old job has the job's correlation", async () => {
      const { waiting, jobs } = now.fixture;
      const { json } = await now.deliver(waiting.embedding, 'newest-secret');
      expect(json).toEqual(PUBLISHED);
      const [record] = await now.recordsOf(waiting.embedding.webhookId);
      expect(record?.headers).toMatchObject({
        'bridge-job-id': jobs.embedding.id,
        'correlation-id': jobs.embedding.correlationId,
      });
      expect(await now.job('embedding')).toMatchObject({ state: 'succeeded' });
    });

    it('each delivery that the old version published is a duplicate', async () => {
      const { accepted } = now.fixture;
      // Two with a signature, one with a token, one at the static webhook, one on the dead letter topic
      expect(accepted).toHaveLength(5);
      for (const delivery of accepted) {
        const { json } = await now.deliver(delivery, schemeOf(delivery));
        expect([delivery, json]).toEqual([delivery, DUPLICATE]);
        expect(await now.recordsOf(delivery.webhookId)).toHaveLength(1);
      }
    });

    it('the late delivery of an event that the old version reconciled is a duplicate', async () => {
      const { late } = now.fixture.waiting;
      expect((await now.deliver(late, 'v1a')).json).toEqual(DUPLICATE);
      expect(await now.recordsOf(late.webhookId)).toEqual([]);
    });

    it('a delivery that an old replica has claimed is refused', async () => {
      const { claimed } = now.fixture.waiting;
      const { status, json } = await now.deliver(claimed, 'newest-secret');
      expect([status, json]).toEqual([503, { status: 'refused', reason: 'in-progress' }]);
    });

    it('the rotation that the old version began is repeated, and nothing else changes at Gemini', async () => {
      const rotation = `POST /v1beta/webhooks/${spareId()}:rotateSigningSecret`;
      const delivery = staticEvent('operations/issued');
      await until('the issued secret to be accepted', async () => {
        const { json } = await now.deliver(delivery, 'issued-secret');
        return (json as { status: string }).status !== 'refused';
      });
      expect(now.gemini.changes).toEqual([rotation]);
    });
  });

  describe('after the old replicas have ended', () => {
    beforeAll(() => now.endOldReplicas());

    it('a delivery that an old replica had claimed is published', async () => {
      const { claimed } = now.fixture.waiting;
      await until('the claim to expire', async () => {
        const { json } = await now.deliver(claimed, 'newest-secret');
        return (json as { status: string }).status !== 'refused';
      });
      expect(await now.recordsOf(claimed.webhookId)).toHaveLength(1);
    });

    it('the missing event of an old job is published', async () => {
      const { jobs } = now.fixture;
      const id = `reconciled:${jobs.overdue.id}:batch.succeeded`;
      await until(
        'the overdue job to succeed',
        async () => (await now.job('overdue')).state === 'succeeded',
      );
      const [record, ...others] = await now.recordsOf(id);
      expect(others).toEqual([]);
      expect(record?.headers).toMatchObject({
        'bridge-reconciled': 'true',
        'correlation-id': 'order-overdue',
      });
    });

    it.each(['unknown', 'submitting'] as const)(
      'the job "%s" of the old version is found at Gemini',
      async (role) => {
        await until(
          'the job to be found',
          async () => (await now.job(role)).state === 'submitted',
        );
        const { geminiName, id } = (await now.job(role)) as {
          geminiName: string;
          id: string;
        };
        expect(JSON.stringify(now.fixture.gemini[`/v1beta/${geminiName}`])).toContain(id);
      },
    );

    it('the record of a submission that the old version did not publish is published', async () => {
      const id = `job_${now.fixture.jobs.untold.id}_submitted_1`;
      await until('the record', async () => (await now.recordsOf(id)).length > 0);
      expect(await now.recordsOf(id)).toHaveLength(1);
    });

    it('no record was written twice', async () => {
      const counts = countById(await now.records());
      expect(Array.from(counts).filter(([, count]) => count !== 1)).toEqual([]);
    });
  });

  async function listed(query: string): Promise<string[]> {
    const { json } = await now.api(`jobs?${query}`);
    return (json as { jobs: { id: string }[] }).jobs.map(({ id }) => id);
  }

  /** Id of the webhook whose rotation was under way when the old version was killed. */
  function spareId(): string | undefined {
    const { webhooks } = now.fixture.gemini['/v1beta/webhooks'] as {
      webhooks: { id: string; uri: string }[];
    };
    return webhooks.find(({ uri }) => uri.includes('spare'))?.id;
  }
});

function schemeOf({ path, isToken }: FixtureDelivery & { isToken: boolean }): Scheme {
  if (isToken) return 'token';
  return path === '/webhooks/gemini' ? 'newest-secret' : 'v1a';
}

/** An event of a job that another program of the project submitted. */
function staticEvent(id: string): FixtureDelivery {
  const event = { type: 'video.generated', version: 'v1', data: { id } };
  const body = JSON.stringify({ ...event, timestamp: '2026-01-01T00:00:00Z' });
  return { webhookId: `msg_${id.replace('/', '_')}`, path: '/webhooks/gemini', body };
}
