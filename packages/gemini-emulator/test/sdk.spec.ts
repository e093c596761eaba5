import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { GeminiEmulator } from '../src/emulator.js';
import { startReceiver } from './receiver.js';
import { MODEL, sdk } from './sdk.js';

describe('webhooks through the official SDK', () => {
  it('creates, gets, lists, updates, rotates and deletes', async () => {
    await using emulator = await GeminiEmulator.start();
    const { webhooks } = sdk(emulator);
    const created = await webhooks.create({
      name: 'bridge',
      uri: 'http://127.0.0.1:1/hook',
      subscribed_events: ['batch.succeeded', 'batch.failed'],
    });
    const id = String(created.id);
    expect(id).toMatch(/^[a-z0-9]{36}$/);
    expect(created).toMatchObject({ name: 'bridge', state: 'enabled' });
    const secret = String(created.new_signing_secret);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(Buffer.from(secret.slice(6), 'base64').toString()).toMatch(/^[a-z0-9]{32}$/);

    const got = await webhooks.get(id);
    expect(got.new_signing_secret).toBeUndefined();
    expect(got).not.toHaveProperty('create_time');
    expect(got.signing_secrets).toEqual([
      { truncated_secret: `whsec_...${secret.slice(-4)}` },
    ]);

    const updated = await webhooks.update(id, {
      subscribed_events: ['video.generated'],
      uri: 'http://127.0.0.1:2/hook',
      update_mask: 'subscribed_events',
    });
    expect(updated.subscribed_events).toEqual(['video.generated']);
    expect(updated.uri).toBe('http://127.0.0.1:2/hook');

    const { secret: rotated } = await webhooks.rotateSigningSecret(id, {});
    const both = await webhooks.get(id);
    expect(both.signing_secrets?.map((each) => each.truncated_secret)).toEqual(
      [rotated, secret].map((each) => `whsec_...${String(each).slice(-4)}`),
    );
    const dayAhead = Date.parse(String(both.signing_secrets?.[1]?.expire_time));
    expect(dayAhead).toBeGreaterThan(emulator.clock.now() + 23.9 * 3600_000);

    const { webhooks: listed } = await webhooks.list();
    expect(listed).toHaveLength(1);
    await webhooks.delete(id);
    await expect(webhooks.get(id)).rejects.toMatchObject({ status: 404 });
  });

  it('pings in the background', async () => {
    await using emulator = await GeminiEmulator.start();
    await using receiver = await startReceiver();
    const { webhooks } = sdk(emulator);
    const { id } = await webhooks.create({
      uri: receiver.url,
      subscribed_events: ['batch.failed'],
    });
    await webhooks.ping(String(id));
    const { eventType } = await emulator.waitForDelivery(({ status }) => status === 200);
    expect(eventType).toBe('webhook.ping');
  });

  it('lists in pages', async () => {
    await using emulator = await GeminiEmulator.start();
    const { webhooks } = sdk(emulator);
    for (let made = 0; made < 3; made++) {
      const uri = `http://127.0.0.1:1/${made}`;
      await webhooks.create({ uri, subscribed_events: ['batch.failed'] });
    }
    const first = await webhooks.list({ page_size: 2 });
    const token = String(first.next_page_token);
    const second = await webhooks.list({ page_size: 2, page_token: token });
    const uris = [...(first.webhooks ?? []), ...(second.webhooks ?? [])].map(
      ({ uri }) => uri,
    );
    expect(uris).toEqual([0, 1, 2].map((made) => `http://127.0.0.1:1/${made}`));
    expect(second.next_page_token).toBeUndefined();
  });
});

describe('batches through the official SDK', () => {
  it('answers inline requests with inline responses', async () => {
    await using emulator = await GeminiEmulator.start();
    const { batches } = sdk(emulator);
    const created = await batches.create({
      model: MODEL,
      src: [{ contents: 'one', metadata: { key: 'first' } }, { contents: 'two' }],
      config: { displayName: 'pair' },
    });
    const name = String(created.name);
    expect(name).toMatch(/^batches\/[a-z0-9]{36}$/);
    expect(created).toMatchObject({
      displayName: 'pair',
      model: `models/${MODEL}`,
      state: 'JOB_STATE_PENDING',
    });
    emulator.startJob(name);
    expect((await batches.get({ name })).state).toBe('JOB_STATE_RUNNING');
    emulator.finishJob(name, 'succeeded');
    const done = await batches.get({ name });
    expect(done.state).toBe('JOB_STATE_SUCCEEDED');
    expect(done.endTime).toMatch(/\.\d{9}Z$/);
    const responses = done.dest?.inlinedResponses ?? [];
    expect(responses.map(({ metadata }) => metadata?.['key'])).toEqual([
      'first',
      undefined,
    ]);
    expect(responses[0]?.response?.candidates?.[0]?.finishReason).toBe('STOP');
  });

  it('answers a file of requests with a file', async () => {
    await using emulator = await GeminiEmulator.start();
    const { batches, files } = sdk(emulator);
    const lines = ['a', 'b'].map((key) => JSON.stringify({ key, request: {} }));
    const uploaded = await files.upload({
      file: new Blob([lines.join('\n')]),
      config: { displayName: 'questions', mimeType: 'application/jsonl' },
    });
    const created = await batches.create({ model: MODEL, src: String(uploaded.name) });
    const name = String(created.name);
    emulator.finishJob(name, 'succeeded', { failedRequests: 1 });
    const { dest } = await batches.get({ name });
    expect(dest?.fileName).toBe(`files/batch-${name.slice('batches/'.length)}`);

    const folder = await mkdtemp(join(tmpdir(), 'emulator-'));
    try {
      const downloadPath = join(folder, 'answers.jsonl');
      await files.download({ file: String(dest?.fileName), downloadPath });
      const answers = (await readFile(downloadPath, 'utf8'))
        .trim()
        .split('\n')
        .map((line): unknown => JSON.parse(line));
      expect(answers).toMatchObject([
        { key: 'a', error: { code: 13 } },
        { key: 'b', response: { modelVersion: MODEL } },
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('lists, cancels and deletes', async () => {
    await using emulator = await GeminiEmulator.start();
    const { batches } = sdk(emulator);
    const names: string[] = [];
    for (const text of ['one', 'two', 'three']) {
      const { name } = await batches.create({ model: MODEL, src: [{ contents: text }] });
      names.unshift(String(name));
    }
    const listed: string[] = [];
    for await (const { name } of await batches.list({ config: { pageSize: 2 } })) {
      listed.push(String(name));
    }
    expect(listed).toEqual(names);
    const [name = ''] = names;
    await batches.cancel({ name });
    expect((await batches.get({ name })).state).toBe('JOB_STATE_CANCELLED');
    await batches.delete({ name });
    await expect(batches.get({ name })).rejects.toMatchObject({ status: 404 });
  });

  it('passes webhookConfig on with its user_metadata', async () => {
    await using emulator = await GeminiEmulator.start();
    await using receiver = await startReceiver();
    const created = await sdk(emulator).batches.create({
      model: MODEL,
      src: [{ contents: 'one' }],
      config: { webhookConfig: { uris: [receiver.url], userMetadata: { order: '7' } } },
    });
    emulator.finishJob(String(created.name), 'succeeded');
    await emulator.drained();
    expect(receiver.requests.map(({ event }) => event.data)).toEqual([
      { id: created.name, user_metadata: { order: '7' } },
    ]);
  });

  it('refuses a wrong key as Google does', async () => {
    await using emulator = await GeminiEmulator.start();
    const { batches } = sdk(emulator, 'wrong');
    await expect(batches.get({ name: 'batches/x' })).rejects.toMatchObject({
      status: 400,
    });
  });
});

describe('files through the official SDK', () => {
  it('uploads in chunks, gets, lists and deletes', async () => {
    await using emulator = await GeminiEmulator.start();
    const { files } = sdk(emulator);
    const content = Buffer.alloc(9 * 1024 * 1024, 'x');
    const { name = '' } = await files.upload({
      file: new Blob([content]),
      config: { mimeType: 'text/plain', displayName: 'large', name: 'files/large-one' },
    });
    expect(name).toBe('files/large-one');
    expect(await files.get({ name })).toMatchObject({
      sizeBytes: String(content.length),
      displayName: 'large',
      mimeType: 'text/plain',
      state: 'ACTIVE',
    });
    expect(content.equals(await emulator.files.bytes(name))).toBe(true);
    const listed: unknown[] = [];
    for await (const file of await files.list()) listed.push(file.name);
    expect(listed).toEqual([name]);
    await files.delete({ name });
    await expect(files.get({ name })).rejects.toMatchObject({ status: 403 });
  });
});
