import { describe, expect, it } from '@jest/globals';
import { GeminiEmulator } from '../src/emulator.js';
import type { JobKind } from '../src/jobs/job.js';
import { seededRandom } from '../src/random.js';
import { batchBody, call, submit } from './call.js';
import { startReceiver } from './receiver.js';

const CREATE = '/v1beta/models/gemini-flash:batchGenerateContent';

/** One page of the list of batches: display names and the token of the next page. */
async function listed(emulator: GeminiEmulator, query: string) {
  const { body } = await call(emulator, 'GET', `/v1beta/batches?${query}`);
  const { operations, nextPageToken } = body as unknown as {
    operations: { metadata: { displayName: string } }[];
    nextPageToken?: string;
  };
  const names = operations.map(({ metadata }) => metadata.displayName);
  return { names, next: nextPageToken };
}

async function create(emulator: GeminiEmulator, displayName: string): Promise<string> {
  const { body } = await call(emulator, 'POST', CREATE, batchBody(1, { displayName }));
  return body.name;
}

describe('the list of batches', () => {
  it('continues at the same place after batches were created and deleted', async () => {
    await using emulator = await GeminiEmulator.start();
    const created: string[] = [];
    for (const name of ['a', 'b', 'c', 'd']) created.push(await create(emulator, name));
    const first = await listed(emulator, 'pageSize=2');
    expect(first.names).toEqual(['d', 'c']);
    await create(emulator, 'e');
    await call(emulator, 'DELETE', `/v1beta/${created[2]}`, {});
    const second = await listed(emulator, `pageSize=2&pageToken=${first.next}`);
    expect(second).toEqual({ names: ['b', 'a'], next: undefined });
  });

  it('has pages for thousands of batches', async () => {
    await using emulator = await GeminiEmulator.start();
    const count = 2500;
    for (let made = 0; made < count; made++) {
      const body = batchBody(1, { displayName: String(made) });
      await emulator.createJob('batch', body, 'gemini-flash');
    }
    const names: string[] = [];
    let token: string | undefined = '';
    while (token !== undefined) {
      const page = await listed(emulator, `pageSize=1000&pageToken=${token}`);
      names.unshift(...page.names.toReversed());
      token = page.next;
    }
    expect(names).toEqual(Array.from({ length: count }, (_, at) => String(at)));
  });
});

describe('the operation of a batch', () => {
  it.each([false, true])('repeats its webhookConfig: %s', async (batch) => {
    await using emulator = await GeminiEmulator.start({ echo: { batch } });
    const uris = ['http://127.0.0.1:1/'];
    const name = await submit(emulator, uris, { order: '7' });
    const { body } = await call(emulator, 'GET', `/v1beta/${name}`);
    const expected = { webhookConfig: { uris, userMetadata: { order: '7' } } };
    if (batch) expect(body['metadata']).toMatchObject(expected);
    else expect(JSON.stringify(body)).not.toContain('webhookConfig');
  });
});

describe('the list of created jobs', () => {
  it('has every job, also a deleted one', async () => {
    await using emulator = await GeminiEmulator.start();
    const uris = ['http://127.0.0.1:1/'];
    const first = await submit(emulator, uris, { order: '7' });
    const second = await create(emulator, 'mine');
    emulator.finishJob(second, 'failed');
    await call(emulator, 'DELETE', `/v1beta/${second}`, {});
    const common = { kind: 'batch', userMetadata: undefined, displayName: undefined };
    expect(emulator.jobs).toEqual([
      {
        ...common,
        name: first,
        id: first.replace('batches/', ''),
        state: 'PENDING',
        userMetadata: { order: '7' },
        webhookUris: uris,
        deleted: false,
      },
      {
        ...common,
        name: second,
        id: second.replace('batches/', ''),
        state: 'FAILED',
        displayName: 'mine',
        webhookUris: [],
        deleted: true,
      },
    ]);
  });
});

describe('automatic ends', () => {
  it('overtake each other with autoFinishSpreadMs', async () => {
    await using emulator = await GeminiEmulator.start({
      autoFinishMs: 1,
      autoFinishSpreadMs: 3_600_000,
    });
    for (let made = 0; made < 6; made++) await create(emulator, String(made));
    emulator.clock.advance(3_600_001);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const batches = emulator.batches.all();
    expect(batches.map(({ state }) => state)).toEqual(batches.map(() => 'SUCCEEDED'));
    const order = batches.toSorted((a, b) => a.updateMs - b.updateMs);
    expect(order.map(({ id }) => id)).not.toEqual(batches.map(({ id }) => id));
  });
});

function drawn(seed: number, purpose: string): number[] {
  const random = seededRandom(seed, purpose);
  return Array.from({ length: 1000 }, () => random());
}

describe('ends of all kinds', () => {
  const bodies = {
    batch: batchBody(),
    embedding: batchBody(),
    interaction: { model: 'm', input: 'x', background: true },
    video: { instances: [{}] },
  };

  it.each(Object.entries(bodies))('come automatically: %s', async (kind, body) => {
    await using emulator = await GeminiEmulator.start({ autoFinishMs: 1000 });
    await emulator.createJob(kind as JobKind, body, 'gemini-flash');
    emulator.clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(emulator.jobs).toMatchObject([{ kind, state: 'SUCCEEDED' }]);
  });

  it('are lost with a probability, the same ones with the same seed', async () => {
    const lost: number[][] = [];
    for (const loseEvents of [0.5, 0.5]) {
      await using emulator = await GeminiEmulator.start({ loseEvents });
      await using receiver = await startReceiver();
      const names: string[] = [];
      for (let made = 0; made < 20; made++) {
        names.push(await submit(emulator, [receiver.url]));
      }
      const told = names.filter((name) => emulator.finishJob(name, 'failed').length > 0);
      await emulator.drained();
      expect(receiver.requests).toHaveLength(told.length);
      const untold = emulator.lostEvents.map(({ jobName }) => jobName);
      expect([...told, ...untold].toSorted()).toEqual(names.toSorted());
      lost.push(untold.map((name) => names.indexOf(name)));
    }
    expect(lost[0]?.length).toBeGreaterThan(0);
    expect(lost[0]?.length).toBeLessThan(20);
    expect(lost[1]).toEqual(lost[0]);
  });

  it('do not count as lost if they have no destination', async () => {
    await using emulator = await GeminiEmulator.start({ loseEvents: 1 });
    emulator.finishJob(await submit(emulator), 'succeeded');
    expect(emulator.lostEvents).toEqual([]);
  });
});

describe('random choices', () => {
  it('are the same only for the same seed and purpose', () => {
    expect(drawn(1, 'a')).toEqual(drawn(1, 'a'));
    expect(drawn(1, 'a')).not.toEqual(drawn(2, 'a'));
    expect(drawn(1, 'a')).not.toEqual(drawn(1, 'b'));
    const below = drawn(7, 'c').filter((value) => value < 0.25);
    expect(below.length).toBeGreaterThan(200);
    expect(below.length).toBeLessThan(300);
  });
});
