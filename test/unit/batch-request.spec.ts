import { describe, expect, it } from '@jest/globals';
import { parseBatchRequest } from '../../src/jobs/batch-request.js';
import { Problem } from '../../src/problem/problem.js';

const REQUEST = { request: { contents: [{ parts: [{ text: 'hello' }] }], extra: 1 } };
const LEAST = { model: 'gemini-flash', requests: [REQUEST] };

function pointersIn(body: unknown): string[] {
  try {
    parseBatchRequest(body);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    expect(error).toMatchObject({ status: 422, code: 'invalid-body' });
    const errors = error.extensions['errors'] as { pointer: string; detail: string }[];
    expect(errors.every(({ detail }) => detail.length > 0)).toBe(true);
    return errors.map(({ pointer }) => pointer);
  }
  return [];
}

describe('parseBatchRequest', () => {
  it('leaves Gemini’s part as it is, and has empty metadata by default', () => {
    expect(parseBatchRequest(LEAST)).toEqual({ ...LEAST, metadata: {} });
    const full = {
      model: 'models/gemini-2.5-flash_001',
      displayName: 'nightly',
      requests: [{ key: 'a', ...REQUEST }, REQUEST],
      metadata: { tenant: 'blue', nested: { list: [1, null, true] } },
      correlationId: 'order-42/~',
    };
    expect(parseBatchRequest(full)).toEqual(full);
  });

  it.each<[unknown, string]>([
    [undefined, '/'],
    [null, '/'],
    ['text', '/'],
    [[], '/'],
    [{ requests: [REQUEST] }, '/model'],
    [{ ...LEAST, model: '' }, '/model'],
    [{ ...LEAST, model: '../v1/files' }, '/model'],
    [{ ...LEAST, model: 'tunedModels/x' }, '/model'],
    [{ ...LEAST, model: 'a?key=b' }, '/model'],
    [{ ...LEAST, model: `m${'x'.repeat(128)}` }, '/model'],
    [{ model: 'm' }, '/requests'],
    [{ ...LEAST, requests: [] }, '/requests'],
    [{ ...LEAST, requests: [{}] }, '/requests/0/request'],
    [{ ...LEAST, requests: [REQUEST, { request: {} }] }, '/requests/1/request/contents'],
    [
      { ...LEAST, requests: [{ request: { contents: [] } }] },
      '/requests/0/request/contents',
    ],
    [{ ...LEAST, requests: [{ ...REQUEST, key: '' }] }, '/requests/0/key'],
    [{ ...LEAST, requests: [{ ...REQUEST, metadata: {} }] }, '/requests/0'],
    [{ ...LEAST, displayName: '' }, '/displayName'],
    [{ ...LEAST, displayName: 'x'.repeat(129) }, '/displayName'],
    [{ ...LEAST, metadata: [] }, '/metadata'],
    [{ ...LEAST, metadata: { a: 'x'.repeat(4090) } }, '/metadata'],
    [{ ...LEAST, metadata: { a: 'ü'.repeat(2045) } }, '/metadata'],
    [{ ...LEAST, correlationId: '' }, '/correlationId'],
    [{ ...LEAST, correlationId: 'a b' }, '/correlationId'],
    [{ ...LEAST, correlationId: 'ü' }, '/correlationId'],
    [{ ...LEAST, correlationId: 'x'.repeat(129) }, '/correlationId'],
    [{ ...LEAST, webhook_config: {} }, '/'],
  ])('refuses %j at %s', (body, pointer) => {
    expect(pointersIn(body)).toEqual([pointer]);
  });

  it('names every fault at once', () => {
    const body = { model: 1, requests: [{ request: {} }], correlationId: 'a b' };
    expect(pointersIn(body)).toEqual([
      '/model',
      '/requests/0/request/contents',
      '/correlationId',
    ]);
  });
});
