import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { request as httpRequest, type ClientRequest } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { GeminiEmulator } from '../src/emulator.js';
import { call } from './call.js';

const START = {
  'x-goog-upload-protocol': 'resumable',
  'x-goog-upload-command': 'start',
  'content-type': 'application/json',
};

/** Begins an upload. @returns its URL */
async function begin(
  emulator: GeminiEmulator,
  headers: Record<string, string> = {},
): Promise<string> {
  const response = await fetch(`${emulator.url}/upload/v1beta/files`, {
    method: 'POST',
    headers: { ...START, 'x-goog-api-key': emulator.apiKey, ...headers },
    body: JSON.stringify({ file: { mimeType: 'text/plain' } }),
  });
  expect(response.headers.get('x-goog-upload-status')).toBe('active');
  return response.headers.get('x-goog-upload-url') ?? '';
}

/** Sends one command of the upload protocol. @returns the headers and the body of its answer */
async function command(
  url: string,
  name: string,
  offset?: number,
  body?: string | Uint8Array<ArrayBuffer>,
) {
  const headers = {
    'x-goog-upload-command': name,
    ...(offset === undefined ? {} : { 'x-goog-upload-offset': String(offset) }),
  };
  const response = await fetch(url, {
    method: 'POST',
    headers,
    ...(body ? { body } : {}),
  });
  return {
    status: response.status,
    state: response.headers.get('x-goog-upload-status'),
    received: response.headers.get('x-goog-upload-size-received'),
    body: (await response.json()) as {
      file: { name: string; sizeBytes: string };
      error: { message: string };
    },
  };
}

/** Sends the beginning of a longer chunk, and no more of it. */
async function sendPart(
  emulator: GeminiEmulator,
  url: string,
  sent: string,
): Promise<ClientRequest> {
  const request = httpRequest(url, {
    method: 'POST',
    headers: {
      'content-length': sent.length + 1000,
      'x-goog-upload-command': 'upload, finalize',
      'x-goog-upload-offset': '0',
    },
  });
  request.on('error', () => undefined);
  request.write(sent);
  const uploadId = new URL(url).searchParams.get('upload_id') ?? '';
  while (emulator.uploads.status(uploadId).bytes < sent.length) await turn();
  return request;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2));
}

async function download(emulator: GeminiEmulator, name: string, range?: string) {
  const response = await fetch(`${emulator.url}/v1beta/${name}:download?alt=media`, {
    headers: { 'x-goog-api-key': emulator.apiKey, ...(range ? { range } : {}) },
  });
  const { status, headers } = response;
  return { status, text: await response.text(), range: headers.get('content-range') };
}

describe('resumable uploads', () => {
  it('accepts a file in several chunks', async () => {
    await using emulator = await GeminiEmulator.start();
    const url = await begin(emulator);
    expect(await command(url, 'upload', 0, 'one ')).toMatchObject({
      status: 200,
      state: 'active',
      received: '4',
    });
    expect(await command(url, 'upload', 4, 'two ')).toMatchObject({ received: '8' });
    const { state, body } = await command(url, 'upload, finalize', 8, 'three');
    expect(state).toBe('final');
    expect(body.file).toMatchObject({ sizeBytes: '13' });
    expect((await emulator.files.bytes(body.file.name)).toString()).toBe('one two three');
  });

  it('refuses a chunk at a wrong offset, and then accepts the right one', async () => {
    await using emulator = await GeminiEmulator.start();
    const url = await begin(emulator);
    await command(url, 'upload', 0, 'one ');
    const large = new Uint8Array(4 * 1024 * 1024);
    expect(await command(url, 'upload', 0, large)).toMatchObject({
      status: 400,
      body: {
        error: { status: 'INVALID_ARGUMENT', message: expect.stringMatching(/4/) },
      },
    });
    expect(await command(url, 'upload, finalize', 4, 'two')).toMatchObject({
      state: 'final',
      body: { file: { sizeBytes: '7' } },
    });
  });

  it('reports the bytes that were received, also of a chunk that was cut off', async () => {
    await using emulator = await GeminiEmulator.start();
    const url = await begin(emulator);
    expect(await command(url, 'query')).toMatchObject({ state: 'active', received: '0' });
    (await sendPart(emulator, url, 'one ')).destroy();
    const { received } = await command(url, 'query');
    expect(received).toBe('4');
    const goOn = () => command(url, 'upload, finalize', Number(received), 'two');
    let answer = await goOn();
    // Until the emulator has noticed that the connection was cut
    for (; answer.status === 409; answer = await goOn()) await turn();
    const { name } = answer.body.file;
    expect((await emulator.files.bytes(name)).toString()).toBe('one two');
  });

  it('refuses a second chunk while one is being received', async () => {
    await using emulator = await GeminiEmulator.start();
    const url = await begin(emulator);
    const first = await sendPart(emulator, url, 'one ');
    for (const name of ['upload', 'finalize', 'cancel']) {
      expect((await command(url, name, 4, 'two')).status).toBe(409);
    }
    first.destroy();
  });

  it('reports the finished file to a client that lost the last answer', async () => {
    await using emulator = await GeminiEmulator.start();
    const url = await begin(emulator);
    emulator.fault('files.upload', { kind: 'accept-then-drop' });
    await expect(command(url, 'upload, finalize', 0, 'all')).rejects.toThrow();
    const asked = await command(url, 'query');
    expect(asked).toMatchObject({ state: 'final', received: '3' });
    expect((await emulator.files.bytes(asked.body.file.name)).toString()).toBe('all');
    expect(await command(url, 'upload, finalize', 0, 'all')).toMatchObject({
      status: 400,
      body: { error: { message: 'The upload is final.' } },
    });
  });

  it('refuses more or fewer bytes than announced', async () => {
    await using emulator = await GeminiEmulator.start();
    const url = await begin(emulator, { 'x-goog-upload-header-content-length': '4' });
    expect(await command(url, 'upload', 0, 'x'.repeat(5))).toMatchObject({ status: 400 });
    await command(url, 'upload', 0, 'xx');
    expect(await command(url, 'finalize')).toMatchObject({
      status: 400,
      body: { error: { message: '2 of 4 bytes have been received.' } },
    });
    expect(await command(url, 'upload, finalize', 2, 'xx')).toMatchObject({
      state: 'final',
    });
  });

  it('can be cancelled', async () => {
    await using emulator = await GeminiEmulator.start();
    const url = await begin(emulator);
    expect((await command(url, 'cancel')).state).toBe('cancelled');
    expect((await command(url, 'upload', 0, 'x')).status).toBe(400);
  });

  it.each([
    ['explode', undefined, 400],
    ['upload', 'x', 400],
  ])('refuses the command %s with the offset %s', async (name, offset, status) => {
    await using emulator = await GeminiEmulator.start();
    const url = await begin(emulator);
    const headers = {
      'x-goog-upload-command': name,
      ...(offset ? { 'x-goog-upload-offset': offset } : {}),
    };
    const answer = await fetch(url, { method: 'POST', headers, body: 'x' });
    expect(answer.status).toBe(status);
  });

  it('answers 404 for an unknown upload', async () => {
    await using emulator = await GeminiEmulator.start();
    const url = `${emulator.url}/upload/v1beta/files?upload_id=none&key=test-key`;
    expect((await command(url, 'query')).status).toBe(404);
  });
});

describe('large files', () => {
  it('are on disk until they are deleted or the emulator stops', async () => {
    const emulator = await GeminiEmulator.start();
    const { spool } = emulator.files;
    expect(spool.folder).toBeUndefined();
    const names: string[] = [];
    for (const text of ['first', 'second']) {
      const url = await begin(emulator);
      const { body } = await command(url, 'upload, finalize', 0, text);
      names.push(body.file.name);
    }
    const folder = (await spool.folder) ?? '';
    expect(await readdir(folder)).toHaveLength(2);
    await call(emulator, 'DELETE', `/v1beta/${names[0]}`);
    expect(await readdir(folder)).toHaveLength(1);
    await emulator.stop();
    expect(existsSync(folder)).toBe(false);
  });

  it('are written to disk as they arrive', async () => {
    await using emulator = await GeminiEmulator.start();
    const url = await begin(emulator);
    const folder = (await emulator.files.spool.folder) ?? '';
    const [name = ''] = await readdir(folder);
    for (const [at, part] of ['one', 'two', 'three'].entries()) {
      await command(url, 'upload', at * 3, part);
      expect((await stat(join(folder, name))).size).toBe(at * 3 + part.length);
    }
  });

  it('become batches whose results have one line for each request', async () => {
    await using emulator = await GeminiEmulator.start();
    const requests = 3000;
    const lines = Array.from({ length: requests }, (_, at) =>
      JSON.stringify({ key: `ключ-${at}`, request: { contents: ['x'.repeat(100)] } }),
    );
    const url = await begin(emulator);
    const { body } = await command(url, 'upload, finalize', 0, lines.join('\n'));
    const batch = { inputConfig: { fileName: body.file.name } };
    const path = '/v1beta/models/gemini-flash:batchGenerateContent';
    const created = await call(emulator, 'POST', path, { batch });
    expect(created.body).toMatchObject({
      metadata: { batchStats: { requestCount: String(requests) } },
    });
    emulator.finishJob(created.body.name, 'succeeded', { failedRequests: 1 });
    const output = created.body.name.replace('batches/', 'files/batch-');
    const { text } = await download(emulator, output);
    const answers = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { key: string; error?: object });
    expect(answers.map(({ key }) => key)).toEqual(lines.map((_, at) => `ключ-${at}`));
    expect(answers.filter(({ error }) => error)).toHaveLength(1);
  });

  it('are refused with the number of the line that is no request', async () => {
    await using emulator = await GeminiEmulator.start();
    const { body } = await command(await begin(emulator), 'upload, finalize', 0, '{}\nx');
    const batch = { inputConfig: { fileName: body.file.name } };
    const path = '/v1beta/models/gemini-flash:batchGenerateContent';
    const refused = await call(emulator, 'POST', path, { batch });
    expect(refused).toMatchObject({ status: 400 });
    expect(refused.body.error.message).toContain('line 2');
  });

  it('lead to answers without keys if the input was deleted', async () => {
    await using emulator = await GeminiEmulator.start();
    emulator.files.add('in', Buffer.from('{"key":"a"}\n{"key":"b"}'), {
      mimeType: 'application/jsonl',
    });
    const batch = { inputConfig: { fileName: 'files/in' } };
    const path = '/v1beta/models/gemini-flash:batchGenerateContent';
    const { body } = await call(emulator, 'POST', path, { batch });
    await call(emulator, 'DELETE', '/v1beta/files/in');
    emulator.finishJob(body.name, 'succeeded');
    const output = body.name.replace('batches/', 'files/batch-');
    const { text } = await download(emulator, output);
    expect(text.trim().split('\n')).toHaveLength(2);
    expect(text).not.toContain('key');
  });
});

describe('downloads in parts', () => {
  it.each([
    ['bytes=0-3', 206, 'abcd', 'bytes 0-3/10'],
    ['bytes=7-', 206, 'hij', 'bytes 7-9/10'],
    ['bytes=-2', 206, 'ij', 'bytes 8-9/10'],
    ['bytes=5-500', 206, 'fghij', 'bytes 5-9/10'],
    ['bytes=0-1,4-5', 200, 'abcdefghij', null],
    [undefined, 200, 'abcdefghij', null],
  ])('answer %s with %i', async (range, status, text, contentRange) => {
    await using emulator = await GeminiEmulator.start();
    const uploaded = await command(
      await begin(emulator),
      'upload, finalize',
      0,
      'abcdefghij',
    );
    const added = emulator.files.add('made', Buffer.from('abcdefghij'), {
      mimeType: 'text/plain',
    });
    for (const name of [uploaded.body.file.name, added]) {
      expect(await download(emulator, name, range)).toEqual({
        status,
        text,
        range: contentRange,
      });
    }
  });

  it('answer 416 for a range outside of the file', async () => {
    await using emulator = await GeminiEmulator.start();
    const name = emulator.files.add('made', Buffer.from('abc'), {
      mimeType: 'text/plain',
    });
    const { status, text } = await download(emulator, name, 'bytes=3-');
    expect(status).toBe(416);
    expect(JSON.parse(text)).toMatchObject({ error: { status: 'OUT_OF_RANGE' } });
  });
});
