import { describe, expect, it } from '@jest/globals';
import { parseSubmission } from '../../../../src/jobs/api/job-order.js';
import { JOB_KINDS } from '../../../../src/jobs/job-kinds.js';
import { ProblemException } from '../../../../src/internal-api/problems/problem.exception.js';

const REQUEST = { request: { contents: [{ parts: [{ text: 'hello' }] }], extra: 1 } };
const LEAST = { model: 'gemini-flash', requests: [REQUEST] };

function parse(body: unknown, name = 'batch') {
  const kind = JOB_KINDS.find((each) => each.name === name)!;
  return parseSubmission(kind, body);
}

function pointersIn(body: unknown, kind?: string): string[] {
  try {
    parse(body, kind);
  } catch (error) {
    if (!(error instanceof ProblemException)) throw error;
    expect(error).toMatchObject({ status: 422, code: 'invalid-body' });
    const errors = error.extensions['errors'] as { pointer: string; detail: string }[];
    expect(errors.every(({ detail }) => detail.length > 0)).toBe(true);
    return errors.map(({ pointer }) => pointer);
  }
  return [];
}

function nested(levels: number): unknown {
  return JSON.parse('['.repeat(levels) + ']'.repeat(levels));
}

describe('parseOrder', () => {
  it('leaves Gemini’s part as it is, and has empty metadata by default', () => {
    expect(parse(LEAST)).toMatchObject({ order: LEAST, metadata: {} });
    const requests = [{ key: 'a', ...REQUEST }, REQUEST];
    const frame = {
      displayName: 'nightly',
      metadata: { tenant: 'blue', nested: { list: [1, null, true] } },
      correlationId: 'order-42/~',
    };
    const full = { model: 'models/gemini-2.5-flash_001', requests, ...frame };
    expect(parse(full)).toMatchObject({
      order: { model: 'gemini-2.5-flash_001', requests },
      ...frame,
    });
  });

  it.each<[string, object]>([
    ['batch', { model: 'm', file: 'files/abc' }],
    ['embedding-batch', { model: 'm', requests: [{ request: { content: {} } }] }],
    ['interaction', { interaction: { model: 'm', input: 'hello' } }],
    ['interaction', { interaction: { agent: 'a', input: [], background: true } }],
    ['video', { model: 'm', instances: [{ prompt: 'a cat' }], parameters: { n: 1 } }],
  ])('takes a %s %j', (kind, body) => {
    expect(pointersIn({ ...body, metadata: { a: 1 } }, kind)).toEqual([]);
  });

  it.each(['contents', 'metadata'])('refuses %s with too many levels', (where) => {
    const body = (levels: number) =>
      where === 'metadata'
        ? { ...LEAST, metadata: { nested: nested(levels) } }
        : { ...LEAST, requests: [{ request: { contents: [nested(levels)] } }] };
    expect(pointersIn(body(190))).toEqual([]);
    expect(pointersIn(body(201))).toEqual(['/']);
    expect(pointersIn(body(100_000))).toEqual(['/']);
  });

  it('refuses more members than there is time for', () => {
    for (const [length, pointers] of [
      [499_000, []],
      [500_000, ['/']],
    ] as const) {
      const contents = Array.from({ length }, () => 1);
      const body = { ...LEAST, requests: [{ request: { contents } }] };
      expect(pointersIn(body)).toEqual(pointers);
    }
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
    [{ ...LEAST, file: 'files/abc' }, '/requests'],
    [{ model: 'm', file: 'files/../x' }, '/file'],
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
    [{ ...LEAST, displayName: 'x'.repeat(81) }, '/displayName'],
    [{ ...LEAST, metadata: [] }, '/metadata'],
    [{ ...LEAST, metadata: { a: 'x'.repeat(4090) } }, '/metadata'],
    [{ ...LEAST, metadata: { a: 'ü'.repeat(2045) } }, '/metadata'],
    [{ ...LEAST, metadata: { bridge_job_id: 'x' } }, '/metadata'],
    [{ ...LEAST, metadata: { correlation_id: 'x' } }, '/metadata'],
    [{ ...LEAST, correlationId: '' }, '/correlationId'],
    [{ ...LEAST, correlationId: 'a b' }, '/correlationId'],
    [{ ...LEAST, correlationId: 'ü' }, '/correlationId'],
    [{ ...LEAST, correlationId: 'x'.repeat(129) }, '/correlationId'],
    [{ ...LEAST, webhook_config: {} }, '/'],
  ])('refuses %j at %s', (body, pointer) => {
    expect(pointersIn(body)).toEqual([pointer]);
  });

  it.each<[object, string]>([
    [{ input: 'x', background: false }, '/interaction/background'],
    [{ input: 'x', webhook_config: {} }, '/interaction/webhook_config'],
    [{ input: 'x', webhookConfig: {} }, '/interaction/webhook_config'],
  ])('refuses the interaction %j at %s', (interaction, pointer) => {
    expect(pointersIn({ interaction }, 'interaction')).toEqual([pointer]);
  });

  it('names every fault at once', () => {
    const body = { model: 1, requests: [{ request: {} }], correlationId: 'a b' };
    expect(pointersIn(body).toSorted()).toEqual([
      '/correlationId',
      '/model',
      '/requests/0/request/contents',
    ]);
  });
});
