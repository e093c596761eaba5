import { describe, expect, it } from '@jest/globals';
import { GeminiEmulator } from '../../dev/gemini/emulator.js';
import { seededRandom } from '../../dev/gemini/random.js';
import { batchBody, call, submit } from './call.js';

const CREATE = '/v1beta/models/gemini-flash:batchGenerateContent';

/** One page of the batches: the display names, and what leads to the next page. */
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
  it('goes on where it was, whatever is created or deleted meanwhile', async () => {
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

  it('has a place for thousands', async () => {
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

describe('what was created', () => {
  it('is told of every job, also of a deleted one', async () => {
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

describe('ends that come by themselves', () => {
  it('overtake each other when they are spread', async () => {
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

describe('chance', () => {
  it('repeats itself with the same seed and purpose, and only then', () => {
    expect(drawn(1, 'a')).toEqual(drawn(1, 'a'));
    expect(drawn(1, 'a')).not.toEqual(drawn(2, 'a'));
    expect(drawn(1, 'a')).not.toEqual(drawn(1, 'b'));
    const below = drawn(7, 'c').filter((value) => value < 0.25);
    expect(below.length).toBeGreaterThan(200);
    expect(below.length).toBeLessThan(300);
  });
});
