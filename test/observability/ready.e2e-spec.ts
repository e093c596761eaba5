import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { GoogleKeys } from '../../packages/gemini-emulator/src/deliveries/signing.js';
import { DedupeStore } from '../../src/publishing/dedupe-store.js';
import { TopicHistory } from '../../src/publishing/topic-history.js';
import { ShutdownState } from '../../src/infrastructure/process/shutdown-state.js';
import { startApp, type TestApp } from '../support/app.js';
import { InterruptibleDedupeStore } from '../support/interruptible.dedupe-store.js';
import { InterruptibleTopicHistory } from '../support/interruptible.topic-history.js';
import { json, LoopbackServer } from '../support/loopback-server.js';
import { ask } from '../support/sender.js';
import { samplesIn } from './exposition.js';

let google: LoopbackServer;
const store = new InterruptibleDedupeStore();
const history = new InterruptibleTopicHistory();
let app: TestApp;

beforeAll(async () => {
  google = await LoopbackServer.start(json(GoogleKeys.create().jwks()));
  app = await startApp(
    { JWKS_URL: google.url, DEDUPE_ON_ERROR: 'refuse' },
    [DedupeStore, store],
    [TopicHistory, history],
  );
  while ((await probed()) !== 200) await delay(20);
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await google[Symbol.asyncDispose]();
});

const probed = async (of = app) => (await ask(`${of.internalUrl}/health/ready`)).status;

async function shown(of = app): Promise<number | undefined> {
  const { text } = await ask(`${of.internalUrl}/metrics`);
  return samplesIn(text).find(({ name }) => name === 'gemini_bridge_ready')?.value;
}

function broken(part: { unready: string | undefined }): () => void {
  part.unready = 'down';
  return () => {
    part.unready = undefined;
  };
}

function draining(): () => void {
  app.get(ShutdownState).isDraining = true;
  return () => {
    app.get(ShutdownState).isDraining = false;
  };
}

/** Name of the problem in the probe's answer, and a function that causes it and returns a function that ends it. */
const CAUSES: readonly [string, () => () => void][] = [
  ['shutdown', draining],
  ['kafka', () => broken(app.publisher)],
  ['log', () => broken(history)],
  ['dedupe', () => broken(store)],
];

describe('gemini_bridge_ready', () => {
  it.each(CAUSES)(
    'is 0 while the probe reports %s, and 1 again afterwards',
    async (what, begin) => {
      expect([await shown(), await probed()]).toEqual([1, 200]);
      const end = begin();
      const found = [await shown(), (await ask(`${app.internalUrl}/health/ready`)).json];
      end();
      expect(found).toEqual([0, expect.objectContaining({ [what]: expect.anything() })]);
      expect([await shown(), await probed()]).toEqual([1, 200]);
    },
  );

  it("is 0 while the process has not read Google's keys", async () => {
    await using cold = await startApp();
    expect([await shown(cold), await probed(cold)]).toEqual([0, 503]);
  });
});
