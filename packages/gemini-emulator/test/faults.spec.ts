import { describe, expect, it } from '@jest/globals';
import { GeminiEmulator } from '../src/emulator.js';
import type { Fault } from '../src/control/faults.js';
import { batchBody, call, submit } from './call.js';

const CREATE = '/v1beta/models/gemini-flash:batchGenerateContent';

type Ask = (signal: AbortSignal) => Promise<unknown>;

/** True if the call gets no answer. @param arrived resolves when the emulator has the call */
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
  // Time in which an answer without a delay would have come
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
  it('answers the next calls with an error, and later ones as usual', async () => {
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

  it('does not affect other routes', async () => {
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

  it('does the work and answers with an error', async () => {
    await using emulator = await GeminiEmulator.start();
    emulator.fault('batches.create', { kind: 'accept-then-status', status: 500 });
    expect((await call(emulator, 'POST', CREATE, batchBody())).status).toBe(500);
    expect(emulator.batches.all()).toHaveLength(1);
  });

  it('delays the answer', async () => {
    await using emulator = await GeminiEmulator.start();
    emulator.fault('batches.create', { kind: 'delay', delayMs: 10_000 });
    expect(await createHangs(emulator)).toBe(true);
    emulator.fault('batches.create', { kind: 'delay', delayMs: 1 });
    expect((await call(emulator, 'POST', CREATE, batchBody())).status).toBe(200);
  });
});

/** The statuses of this number of submissions. */
async function statusesOf(emulator: GeminiEmulator, calls: number): Promise<number[]> {
  const codes: number[] = [];
  for (let asked = 0; asked < calls; asked++) {
    codes.push((await call(emulator, 'POST', CREATE, batchBody())).status);
  }
  return codes;
}

describe('faults with a probability', () => {
  const often: Fault = { kind: 'status', status: 429, probability: 0.5 };

  it('meet some of the calls, the same ones with the same seed', async () => {
    const runs: number[][] = [];
    for (const seed of [1, 1, 2]) {
      const planned = { route: '*.create', fault: often };
      await using emulator = await GeminiEmulator.start({ seed, faults: [planned] });
      runs.push(await statusesOf(emulator, 30));
      const [{ met } = { met: 0 }] = emulator.faults.all();
      expect(met).toBe(runs.at(-1)?.filter((code) => code === 429).length);
    }
    const [first, second, third] = runs;
    expect(new Set(first)).toEqual(new Set([200, 429]));
    expect(second).toEqual(first);
    expect(third).not.toEqual(first);
  });

  it('meet the same calls when other routes are called in between', async () => {
    const runs: number[][] = [];
    for (const disturbed of [false, true]) {
      await using emulator = await GeminiEmulator.start();
      emulator.fault('batches.create', often);
      emulator.fault('batches.list', often);
      const codes: number[] = [];
      for (let asked = 0; asked < 20; asked++) {
        if (disturbed) await call(emulator, 'GET', '/v1/batches');
        codes.push(...(await statusesOf(emulator, 1)));
      }
      runs.push(codes);
    }
    expect(runs[1]).toEqual(runs[0]);
  });

  it('end after the given number of calls', async () => {
    await using emulator = await GeminiEmulator.start();
    emulator.fault('*.create', { kind: 'status', probability: 1 }, 2);
    expect(await statusesOf(emulator, 3)).toEqual([503, 503, 200]);
  });

  it('leave a call that they do not meet to the next plan', async () => {
    await using emulator = await GeminiEmulator.start();
    emulator.fault('*', { kind: 'status', status: 500, probability: 0 });
    emulator.fault('batches.create', { kind: 'status', status: 429 });
    expect(await statusesOf(emulator, 2)).toEqual([429, 200]);
  });

  it('do not meet calls of the control routes and the JWKS', async () => {
    await using emulator = await GeminiEmulator.start();
    emulator.fault('*s*', { kind: 'status', probability: 1 });
    expect((await call(emulator, 'GET', '/emulator/jobs')).status).toBe(200);
    expect((await keysAt(emulator)).status).toBe(200);
    expect((await call(emulator, 'GET', '/v1/batches')).status).toBe(503);
  });
});

describe('a refusal', () => {
  it('says when to try again, in the header and in the body', async () => {
    await using emulator = await GeminiEmulator.start();
    const fault: Fault = { kind: 'status', status: 429, retryAfterSeconds: 2.5 };
    emulator.fault('batches.create', fault);
    const { headers, body } = await call(emulator, 'POST', CREATE, batchBody());
    expect(headers.get('retry-after')).toBe('3');
    expect(body.error).toMatchObject({
      status: 'RESOURCE_EXHAUSTED',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '2.5s' },
      ],
    });
  });
});

describe('a fault that no call can meet', () => {
  it.each([
    ['batches.creat', { kind: 'status' }, undefined, /routes are .*batches\.create/],
    ['*.nothing', { kind: 'status' }, undefined, /unknown route/],
    ['*', { kind: 'explode' }, undefined, /unknown kind of fault/],
    ['*', { kind: 'status', probability: 5 }, undefined, /probability/],
    ['*', { kind: 'status', status: 200 }, undefined, /status/],
    ['*', { kind: 'status' }, 0, /times/],
    ['*', { kind: 'delay', delayMs: -1 }, undefined, /delay_ms/],
    ['*', { kind: 'status', retryAfterSeconds: -1 }, undefined, /retry_after_seconds/],
  ])('is refused: %s %j', async (route, fault, times, message) => {
    await using emulator = await GeminiEmulator.start();
    expect(() => emulator.fault(route, fault as Fault, times)).toThrow(message);
  });
});

describe('the JWKS endpoint', () => {
  it('counts requests and needs no key', async () => {
    await using emulator = await GeminiEmulator.start();
    expect((await keysAt(emulator)).status).toBe(200);
    await keysAt(emulator);
    expect(emulator.jwksRequests).toBe(2);
  });

  it('answers an error, no keys, no JSON, or other keys', async () => {
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

  it('has the RSA key only if deliveries have tokens', async () => {
    await using emulator = await GeminiEmulator.start();
    expect((await keysAt(emulator)).text).not.toContain('RSA');
    emulator.options.dynamic = 'jwt';
    expect((await keysAt(emulator)).text).toContain('RSA');
  });
});
