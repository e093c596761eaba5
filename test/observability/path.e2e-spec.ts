import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startApp, type TestApp } from '../support/app.js';
import { ask, nowSeconds, OTHER_SECRET, post, signedV1 } from '../support/sender.js';
import { samplesIn, seriesOf } from './exposition.js';

const STAGES = ['arrival_age', 'verify', 'claim', 'confirm'];

let app: TestApp;

beforeAll(async () => {
  app = await startApp();
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
});

/** The number of deliveries by stage and by answer. */
async function counts(): Promise<Record<string, number>> {
  const { text } = await ask(`${app.internalUrl}/metrics`);
  const found = samplesIn(text).filter(({ name }) =>
    /^gemini_bridge_.*_seconds_count$/.test(name),
  );
  return Object.fromEntries(found.map((sample) => [seriesOf(sample), sample.value]));
}

const stage = (name: string) => `gemini_bridge_${name}_seconds_count{}`;
const answer = (outcome: string) =>
  `gemini_bridge_answer_seconds_count{outcome="${outcome}"}`;

it('counts each stage of a delivery and each kind of answer', async () => {
  const send = (signed = signedV1()) => post(`${app.url}/webhooks/gemini`, signed);
  const twice = signedV1({ timestamp: nowSeconds() - 7 });
  await send(twice);
  await send(twice);
  await send(signedV1({}, [OTHER_SECRET]));
  await send(signedV1({ body: 'no event' }));
  app.publisher.fail('unavailable');
  await send();
  const seen = await counts();
  expect(STAGES.map((name) => seen[stage(name)])).toEqual([4, 4, 4, 2]);
  expect(
    ['published', 'dead-lettered', 'duplicate', 'refused', 'unavailable'].map(
      (outcome) => seen[answer(outcome)],
    ),
  ).toEqual([1, 1, 1, 1, 1]);
});

it('does not count a request to another path', async () => {
  const before = await counts();
  await ask(`${app.url}/elsewhere`, { method: 'POST' });
  expect(await counts()).toEqual(before);
});
