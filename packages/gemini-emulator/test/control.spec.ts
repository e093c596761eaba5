import { describe, expect, it } from '@jest/globals';
import { help, optionsOf } from '../src/control/command-line.js';
import { GeminiEmulator } from '../src/emulator.js';
import { flagOf, OPTION_TABLE } from '../src/control/option-table.js';
import { defaultOptions } from '../src/options.js';
import { call as callWith, submit } from './call.js';
import { startReceiver } from './receiver.js';

/** A call of a control route, which needs no API key. */
function call(emulator: GeminiEmulator, method: string, path: string, body?: unknown) {
  return callWith(emulator, method, `/emulator${path}`, body, {});
}

describe('control over HTTP', () => {
  it('starts and ends a job, and delivers its event twice', async () => {
    await using emulator = await GeminiEmulator.start();
    await using receiver = await startReceiver();
    const name = await submit(emulator, [receiver.url]);
    const id = name.replace('batches/', '');
    await call(emulator, 'POST', `/jobs/${id}/start`);
    expect((await call(emulator, 'GET', '/jobs')).body).toMatchObject({
      jobs: [{ name, kind: 'batch', state: 'RUNNING' }],
    });
    const ended = await call(emulator, 'POST', `/jobs/${id}/finish`, {
      outcome: 'failed',
      error_code: 7,
      error_message: 'no',
    });
    const [webhookId] = ended.body['webhook_ids'] as [string];
    await emulator.drained();
    expect(receiver.requests[0]?.event.data).toMatchObject({ error_code: 7 });
    await call(emulator, 'POST', `/deliveries/${webhookId}/redeliver`);
    await emulator.drained();
    expect((await call(emulator, 'GET', '/deliveries?limit=1')).body).toMatchObject({
      deliveries: [{ webhookId, attempt: 2, status: 200 }],
    });
    expect((await call(emulator, 'GET', '')).body).toMatchObject({
      jobs: 1,
      attempts: 2,
      pending_deliveries: 0,
    });
  });

  it('emits events of any type', async () => {
    await using emulator = await GeminiEmulator.start();
    await using receiver = await startReceiver();
    await call(emulator, 'POST', '/events', {
      type: 'interaction.completed',
      data: { id: 'v1_x' },
      uris: [receiver.url],
      user_metadata: { order: '7' },
    });
    await emulator.drained();
    expect(receiver.requests[0]?.event).toMatchObject({
      type: 'interaction.completed',
      data: { id: 'v1_x', user_metadata: { order: '7' } },
    });
  });

  it('sends an event of another project to the URI of a job', async () => {
    await using emulator = await GeminiEmulator.start();
    await using receiver = await startReceiver();
    await call(emulator, 'POST', '/events', {
      type: 'batch.succeeded',
      uris: [receiver.url],
      job_name: 'batches/theirs',
      user_metadata: { tenant: 'theirs' },
    });
    await emulator.drained();
    const [received] = receiver.requests;
    expect(received?.signature).toMatch(/^v1a,/);
    expect(received?.event.data).toEqual({
      id: 'batches/theirs',
      user_metadata: { tenant: 'theirs' },
    });
    expect(emulator.deliveries[0]).toMatchObject({ jobName: 'batches/theirs' });
    expect(emulator.jobs).toEqual([]);
  });

  it('lists the lost events', async () => {
    await using emulator = await GeminiEmulator.start();
    await call(emulator, 'PATCH', '/options', { 'lose-events': 1 });
    const name = await submit(emulator, ['http://127.0.0.1:1/']);
    expect(emulator.finishJob(name, 'succeeded')).toEqual([]);
    expect((await call(emulator, 'GET', '/lost-events')).body).toEqual({
      lost_events: [{ type: 'batch.succeeded', jobName: name }],
    });
    expect((await call(emulator, 'GET', '')).body).toMatchObject({ lost_events: 1 });
  });

  it('plans faults with a probability', async () => {
    await using emulator = await GeminiEmulator.start();
    const fault = { kind: 'status', status: 429, probability: 1, retry_after_seconds: 7 };
    await call(emulator, 'POST', '/faults', { route: '*.list', ...fault });
    const { status, headers } = await callWith(emulator, 'GET', '/v1/batches');
    expect([status, headers.get('retry-after')]).toEqual([429, '7']);
    expect((await call(emulator, 'GET', '/faults')).body).toMatchObject({
      faults: [{ route: '*.list', fault: { probability: 1 }, met: 1 }],
    });
    for (const wrong of [{ route: 'nothing' }, { probability: 2 }, { times: 'x' }]) {
      const { status: refused } = await call(emulator, 'POST', '/faults', {
        ...fault,
        ...wrong,
      });
      expect(refused).toBe(400);
    }
  });

  it('plans and deletes faults', async () => {
    await using emulator = await GeminiEmulator.start();
    const fault = { route: 'batches.list', kind: 'status', status: 500, times: 3 };
    await call(emulator, 'POST', '/faults', fault);
    expect((await callWith(emulator, 'GET', '/v1/batches')).status).toBe(500);
    expect((await call(emulator, 'GET', '/faults')).body).toMatchObject({
      faults: [{ route: 'batches.list', times: 2 }],
    });
    await call(emulator, 'DELETE', '/faults');
    expect((await callWith(emulator, 'GET', '/v1/batches')).status).toBe(200);
    const unknown = { kind: 'explode' };
    expect((await call(emulator, 'POST', '/faults', unknown)).status).toBe(400);
  });

  it('advances the clock, rotates the keys and changes options', async () => {
    await using emulator = await GeminiEmulator.start();
    const before = emulator.clock.now();
    await call(emulator, 'POST', '/clock/advance', { seconds: 3600 });
    expect(emulator.clock.now()).toBeGreaterThanOrEqual(before + 3600_000);

    const old = emulator.keys.jwks().keys[0]?.['kid'];
    await call(emulator, 'POST', '/keys/rotate');
    expect(emulator.keys.jwks().keys.map(({ kid }) => kid)).not.toContain(old);

    const change = { jwks: '500', twins: 2, 'jwt-body-hash': true };
    const { body } = await call(emulator, 'PATCH', '/options', change);
    expect(body).toMatchObject(change);
    expect(emulator.options).toMatchObject({ twins: 2, jwt: { bodyHash: true } });
    for (const wrong of [
      { port: 1 },
      { twins: 'x' },
      { jwks: 'x' },
      { nothing: 1 },
      { duplicate: 2 },
    ]) {
      expect((await call(emulator, 'PATCH', '/options', wrong)).status).toBe(400);
    }
  });
});

describe('the command line', () => {
  it('sets the given options and leaves the others', () => {
    const args = ['--dynamic', 'both', '--jwt-audience', 'me', '--time-scale', '60'];
    const expected = defaultOptions();
    expect(optionsOf([...args, '--kid', 'false'])).toEqual({
      ...expected,
      dynamic: 'both',
      timeScale: 60,
      kid: false,
      jwt: { ...expected.jwt, audience: 'me' },
    });
  });

  it('plans faults at the start', () => {
    const fault =
      '{"route": "*.create", "kind": "accept-then-hang", "probability": 0.05}';
    expect(optionsOf(['--fault', fault, '--fault', '{"kind": "drop"}'])?.faults).toEqual([
      { route: '*.create', fault: { kind: 'accept-then-hang', probability: 0.05 } },
      { route: '*', fault: { kind: 'drop' } },
    ]);
  });

  it.each([
    [['--nothing']],
    [['--fault', 'x']],
    [['--fault', '{"kind": "explode"}']],
    [['--twins', 'x']],
    [['--dynamic', 'v2']],
    [['--kid', '1']],
  ])('refuses %j', (args) => {
    expect(() => optionsOf(args)).toThrow();
  });

  it('explains each option and marks each assumption', () => {
    expect(optionsOf(['--help'])).toBeUndefined();
    const text = help();
    for (const [path, { assumption }] of Object.entries(OPTION_TABLE)) {
      const [, after = ''] = text.split(`--${flagOf(path)} <`);
      const [explained = ''] = after.split('\n  --');
      expect(explained).not.toBe('');
      if (assumption) expect(explained).toContain('assumption: ');
    }
  });
});
