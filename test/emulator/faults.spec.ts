import { describe, expect, it } from '@jest/globals';
import { GeminiEmulator } from '../../dev/gemini/emulator.js';
import { batchBody, call, submit } from './call.js';

const CREATE = '/v1beta/models/gemini-flash:batchGenerateContent';

type Ask = (signal: AbortSignal) => Promise<unknown>;

/** Whether the caller is left waiting: `arrived` says that the emulator has his call. */
async function hangs(
  emulator: GeminiEmulator,
  ask: Ask,
  arrived: () => boolean,
): Promise<boolean> {
  const controller = new AbortController();
  let over = false;
  const asked = ask(controller.signal)
    .catch(() => undefined)
    .finally(() => (over = true));
  while (!arrived()) await new Promise((resolve) => setTimeout(resolve, 1));
  // Whatever was to be answered at once is answered by then.
  for (let calls = 0; calls < 3; calls++) await call(emulator, 'GET', '/emulator');
  const waiting = !over;
  controller.abort();
  await asked;
  return waiting;
}

function create(emulator: GeminiEmulator, signal?: AbortSignal): Promise<unknown> {
  return fetch(`${emulator.url}${CREATE}`, {
    method: 'POST',
    headers: { 'x-goog-api-key': emulator.apiKey },
    body: JSON.stringify(batchBody()),
    ...(signal ? { signal } : {}),
  });
}

function createHangs(emulator: GeminiEmulator): Promise<boolean> {
  const arrived = () => emulator.faults.all().length === 0;
  return hangs(emulator, (signal) => create(emulator, signal), arrived);
}

async function keysAt(
  emulator: GeminiEmulator,
): Promise<{ status: number; text: string }> {
  const response = await fetch(emulator.jwksUrl);
  return { status: response.status, text: await response.text() };
}

describe('faults of the API', () => {
  it('answers the next calls with an error, then as usual', async () => {
    await using emulator = await GeminiEmulator.start();
    const headers = { 'retry-after': '3' };
    emulator.fault('batches.create', { kind: 'status', status: 429, headers }, 2);
    const codes: number[] = [];
    for (let calls = 0; calls < 3; calls++) {
      const answer = await call(emulator, 'POST', CREATE, batchBody());
      codes.push(answer.status);
      if (answer.status === 429) {
        expect(answer.headers.get('retry-after')).toBe('3');
        expect(answer.body).toMatchObject({ error: { status: 'RESOURCE_EXHAUSTED' } });
      }
    }
    expect(codes).toEqual([429, 429, 200]);
    expect(emulator.batches.all()).toHaveLength(1);
  });

  it('leaves other routes alone', async () => {
    await using emulator = await GeminiEmulator.start();
    emulator.fault('batches.get', { kind: 'status' });
    const name = await submit(emulator);
    expect((await call(emulator, 'GET', `/v1beta/${name}`)).status).toBe(503);
  });

  it.each([
    ['hang', 0],
    ['accept-then-hang', 1],
  ] as const)('%s leaves %i batches behind', async (kind, batches) => {
    await using emulator = await GeminiEmulator.start();
    emulator.fault('batches.create', { kind });
    expect(await createHangs(emulator)).toBe(true);
    expect(emulator.batches.all()).toHaveLength(batches);
  });

  it.each([
    ['drop', 0],
    ['accept-then-drop', 1],
  ] as const)('%s leaves %i batches behind', async (kind, batches) => {
    await using emulator = await GeminiEmulator.start();
    emulator.fault('*', { kind });
    await expect(create(emulator)).rejects.toThrow('fetch failed');
    expect(emulator.batches.all()).toHaveLength(batches);
  });

  it('does the work and says it failed', async () => {
    await using emulator = await GeminiEmulator.start();
    emulator.fault('batches.create', { kind: 'accept-then-status', status: 500 });
    expect((await call(emulator, 'POST', CREATE, batchBody())).status).toBe(500);
    expect(emulator.batches.all()).toHaveLength(1);
  });

  it('is slow', async () => {
    await using emulator = await GeminiEmulator.start();
    emulator.fault('batches.create', { kind: 'delay', delayMs: 10_000 });
    expect(await createHangs(emulator)).toBe(true);
    emulator.fault('batches.create', { kind: 'delay', delayMs: 1 });
    expect((await call(emulator, 'POST', CREATE, batchBody())).status).toBe(200);
  });
});

describe('faults of the key set', () => {
  it('counts requests and needs no key', async () => {
    await using emulator = await GeminiEmulator.start();
    expect((await keysAt(emulator)).status).toBe(200);
    await keysAt(emulator);
    expect(emulator.jwksRequests).toBe(2);
  });

  it('fails, is empty, is no JSON, is another', async () => {
    await using emulator = await GeminiEmulator.start();
    const { text: usual } = await keysAt(emulator);
    emulator.options.jwks = '500';
    expect((await keysAt(emulator)).status).toBe(500);
    emulator.options.jwks = 'empty';
    expect(JSON.parse((await keysAt(emulator)).text)).toEqual({ keys: [] });
    emulator.options.jwks = 'not-json';
    expect((await keysAt(emulator)).text).toMatch(/^</);
    emulator.options.jwks = 'rotated';
    const { text: other } = await keysAt(emulator);
    expect(other).not.toBe(usual);
    expect((JSON.parse(other) as { keys: unknown[] }).keys).toHaveLength(3);
    emulator.options.jwks = 'ok';
    expect((await keysAt(emulator)).text).toBe(usual);
  });

  it.each(['hang', 'slow'] as const)('%s', async (jwks) => {
    await using emulator = await GeminiEmulator.start({ jwks, jwksDelayMs: 10_000 });
    const ask: Ask = (signal) => fetch(emulator.jwksUrl, { signal });
    expect(await hangs(emulator, ask, () => emulator.jwksRequests === 1)).toBe(true);
  });

  it('holds the RSA key only where tokens are sent', async () => {
    await using emulator = await GeminiEmulator.start();
    expect((await keysAt(emulator)).text).not.toContain('RSA');
    emulator.options.dynamic = 'jwt';
    expect((await keysAt(emulator)).text).toContain('RSA');
  });
});
