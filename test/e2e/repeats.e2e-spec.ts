import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Publications } from '../../src/publishing/publications.js';
import { DedupeStore } from '../../src/publishing/dedupe-store.js';
import type { PublishFault } from '../../src/publishing/event-publisher.js';
import { startApp, type TestApp } from '../support/app.js';
import { CountingPublications } from '../support/counting.publications.js';
import { InterruptibleDedupeStore } from '../support/interruptible.dedupe-store.js';
import {
  ask,
  newId,
  nowSeconds,
  OTHER_SECRET,
  post,
  SECRET,
  signedV1,
  type Answer,
  type Signed,
} from '../support/sender.js';
import { until } from '../../packages/testbed/src/until.js';

const RETRY_AFTER = '5';

let app: TestApp;
let publications: CountingPublications;

beforeAll(async () => {
  app = await startApp({}, [Publications, CountingPublications]);
  publications = app.get(Publications) as CountingPublications;
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
});

beforeEach(() => app.publisher.reset());

const deliver = (signed: Signed, to = app) => post(`${to.url}/webhooks/gemini`, signed);

/** Delivers again after a 503, as Gemini does. On a busy machine the short ack budget of a test may pass. */
async function deliverUntilTaken(signed: Signed, to: TestApp): Promise<Answer> {
  return until('an answer other than 503', async () => {
    const answer = await deliver(signed, to);
    return answer.status !== 503 && answer;
  });
}

const expectToTryAgain = (answer: Answer, reason: string): void => {
  expect(answer).toMatchObject({ status: 503, json: { status: 'refused', reason } });
  expect(answer.headers.get('retry-after')).toBe(RETRY_AFTER);
};

/** Resolves when the publication of the delivery has an outcome. */
const settled = async (signed: Signed, at: TestApp): Promise<void> => {
  const key = `static:${signed.headers['webhook-id']}`;
  await at
    .get(Publications)
    .inFlight(key)
    ?.catch(() => undefined);
};

describe('a repeat', () => {
  it('is answered 200 and not published again', async () => {
    const signed = signedV1();
    expect((await deliver(signed)).json).toEqual({ status: 'published' });
    for (let i = 0; i < 3; i++) {
      const repeat = await deliver(signed);
      expect(repeat).toMatchObject({ status: 200, json: { status: 'duplicate' } });
    }
    expect(app.publisher.records).toHaveLength(1);
  });

  it('is recognized by its id, also with another timestamp and another secret', async () => {
    const id = newId();
    await using rotated = await startApp({
      WEBHOOK_SECRETS: `${OTHER_SECRET},${SECRET}`,
    });
    await deliver(signedV1({ id }), rotated);
    const later = signedV1({ id, timestamp: nowSeconds() + 60 }, [OTHER_SECRET]);
    expect((await deliver(later, rotated)).json).toEqual({ status: 'duplicate' });
  });

  it('of a dead letter is a duplicate', async () => {
    const signed = signedV1({ body: 'junk' });
    await deliver(signed);
    expect((await deliver(signed)).json).toEqual({ status: 'duplicate' });
    expect(app.publisher.records).toHaveLength(1);
  });

  it('shares the success of a first delivery in flight', async () => {
    const resume = app.publisher.hold();
    const joined = publications.asked(3);
    const signed = signedV1();
    const all = Promise.all([deliver(signed), deliver(signed), deliver(signed)]);
    await joined;
    resume();

    const statuses = (await all).map(({ json }) => (json as { status: string }).status);
    expect(statuses.toSorted()).toEqual(['duplicate', 'duplicate', 'published']);
    expect(app.publisher.records).toHaveLength(1);
  });

  it('shares the failure of a first delivery in flight', async () => {
    const resume = app.publisher.hold();
    app.publisher.fail('unavailable');
    const joined = publications.asked(2);
    const signed = signedV1();
    const both = Promise.all([deliver(signed), deliver(signed)]);
    await joined;
    resume();

    for (const answer of await both) expectToTryAgain(answer, 'kafka-unavailable');
    expect((await deliver(signed)).json).toEqual({ status: 'published' });
    expect(app.publisher.records).toHaveLength(1);
  });

  it('is not published again if fifty equal deliveries arrive at the same time', async () => {
    const signed = signedV1();
    const answers = await Promise.all(Array.from({ length: 50 }, () => deliver(signed)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(app.publisher.records).toHaveLength(1);
  });

  it('is answered 503 while another replica holds the claim', async () => {
    const id = newId();
    const store = app.get(DedupeStore);
    expect(store.claim(`static:${id}`)).toBe('taken');
    expectToTryAgain(await deliver(signedV1({ id })), 'in-progress');
    await store.release(`static:${id}`);
    expect((await deliver(signedV1({ id }))).json).toEqual({ status: 'published' });
  });
});

describe('a forged delivery', () => {
  it('neither claims an id nor learns about it', async () => {
    const id = newId();
    const forged = signedV1({ id }, [OTHER_SECRET]);
    const before = await deliver(forged);
    expect(before.status).toBe(401);
    expect((await deliver(signedV1({ id }))).json).toEqual({ status: 'published' });
    const after = await deliver(forged);
    expect([after.status, after.text]).toEqual([before.status, before.text]);
  });
});

describe('when Kafka', () => {
  it.each<[PublishFault, string]>([
    ['unavailable', 'kafka-unavailable'],
    ['not-sent', 'kafka-unavailable'],
    ['refused', 'kafka-unavailable'],
    ['producer-fatal', 'kafka-unavailable'],
    ['closed', 'kafka-unavailable'],
    ['queue-full', 'overloaded'],
  ])(
    'fails with %s the delivery is answered 503, and the next attempt 200',
    async (fault, reason) => {
      app.publisher.fail(fault);
      const signed = signedV1();
      expectToTryAgain(await deliver(signed), reason);
      expect((await deliver(signed)).json).toEqual({ status: 'published' });
    },
  );

  it('answers after the budget, the next attempt is a duplicate', async () => {
    await using short = await startApp({ ACK_BUDGET_MS: '100' });
    const resume = short.publisher.hold();
    const signed = signedV1();
    expectToTryAgain(await deliver(signed, short), 'ack-budget-spent');
    expectToTryAgain(await deliver(signed, short), 'ack-budget-spent');
    resume();

    await settled(signed, short);
    const repeat = await deliverUntilTaken(signed, short);
    expect(repeat).toMatchObject({ status: 200, json: { status: 'duplicate' } });
    expect(short.publisher.records).toHaveLength(1);
    const { text } = await ask(`${short.internalUrl}/metrics`);
    expect(text).toMatch(/^gemini_bridge_published_late_total 1$/m);
    expect(text).toMatch(/^gemini_bridge_attempts 0$/m);
  });

  it('fails after the budget, the next attempt is published', async () => {
    await using short = await startApp({ ACK_BUDGET_MS: '100' });
    const resume = short.publisher.hold();
    short.publisher.fail('unavailable');
    const signed = signedV1();
    expectToTryAgain(await deliver(signed, short), 'ack-budget-spent');
    resume();

    await settled(signed, short);
    expect((await deliverUntilTaken(signed, short)).status).toBe(200);
    expect(short.publisher.records).toHaveLength(1);
  });
});

function startWithoutStore(env: Record<string, string> = {}): Promise<TestApp> {
  const store = new InterruptibleDedupeStore();
  store.unready = 'down';
  return startApp(env, [DedupeStore, store]);
}

describe('while the dedupe store does not answer', () => {
  it('events are published at least once, and the errors are counted', async () => {
    await using broken = await startWithoutStore();
    const signed = signedV1();
    for (let i = 0; i < 2; i++) {
      expect((await deliver(signed, broken)).json).toEqual({ status: 'published' });
    }
    const { json } = await ask(`${broken.internalUrl}/health/ready`);
    expect(json).not.toHaveProperty('dedupe');
    const { text } = await ask(`${broken.internalUrl}/metrics`);
    expect(text).toMatch(/^gemini_bridge_dedupe_errors_total\{call="claim"\} 2$/m);
    expect(text).toMatch(/^gemini_bridge_dedupe_errors_total\{call="confirm"\} 2$/m);
  });

  it('events are refused with DEDUPE_ON_ERROR=refuse', async () => {
    await using strict = await startWithoutStore({ DEDUPE_ON_ERROR: 'refuse' });
    expectToTryAgain(await deliver(signedV1(), strict), 'dedupe-unavailable');
    expect(strict.publisher.records).toEqual([]);
    expect(await ask(`${strict.internalUrl}/health/ready`)).toMatchObject({
      status: 503,
      json: { dedupe: 'down' },
    });
  });
});
