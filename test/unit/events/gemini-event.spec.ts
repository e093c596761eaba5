import { describe, expect, it } from '@jest/globals';
import {
  EventFormatError,
  parseGeminiEvent,
  resourceName,
} from '../../../src/events/gemini-event.js';

const parse = (event: unknown) => parseGeminiEvent(Buffer.from(JSON.stringify(event)));

function faultIn(body: string | Buffer): string | undefined {
  try {
    parseGeminiEvent(Buffer.from(body as string));
  } catch (error) {
    if (error instanceof EventFormatError) return error.fault;
    throw error;
  }
  return undefined;
}

describe('parseGeminiEvent', () => {
  it('parses the members for routing, with the type in the spelling of the catalog', () => {
    const event = {
      type: 'batch.completed',
      version: 'v1',
      timestamp: '2026-01-01T00:00:00.123Z',
      data: { id: 'batches/1', output_file_uri: 'files/batch-1' },
      more: true,
    };
    expect(parse(event)).toEqual({
      type: 'batch.succeeded',
      subject: 'batches/1',
      jobName: 'batches/1',
      time: '2026-01-01T00:00:00.123Z',
    });
  });

  it.each([
    ['batch.failed', '123456', 'batches/123456'],
    ['batch.failed', 'batch_123456', 'batches/123456'],
    ['batch.failed', 'batches/123456', 'batches/123456'],
    ['batch.failed', 'batch_', 'batches/batch_'],
    ['batch.failed', 'batch_batch_1', 'batches/batch_1'],
    ['interaction.failed', '7', 'interactions/7'],
    ['interaction.failed', 'interaction_7', 'interactions/7'],
    ['interaction.failed', 'interactions/7', 'interactions/7'],
    ['interaction.failed', 'batch_7', 'interactions/batch_7'],
    ['video.generated', 'models/veo/operations/7', 'models/veo/operations/7'],
    ['video.generated', '7', '7'],
    ['something.new', 'batch_7', 'batch_7'],
  ])('for %s makes of the id %s the name %s', (type, id, name) => {
    expect(resourceName(type, id)).toBe(name);
    expect(parse({ type, data: { id } }).subject).toBe(name);
  });

  it.each([
    [
      { error_code: 3, error_message: 'no' },
      { code: 3, message: 'no' },
    ],
    [{ error_code: 'INVALID', error_message: { text: 'no' } }, { code: 'INVALID' }],
    [{ error_message: 'no' }, { message: 'no' }],
    [{ error_count: 0 }, undefined],
  ])('reads the error of %j', (data, error) => {
    expect(parse({ type: 'batch.failed', data: { id: '7', ...data } }).error).toEqual(
      error,
    );
  });

  it('takes the file of a video as its subject, as in the first samples of Google', () => {
    const data = { file_id: 'files/1', video_uri: 'https://example.com/1' };
    expect(parse({ type: 'video.generated', data }).subject).toBe('files/1');
  });

  it.each(['constructor', '__proto__', 'constructor.x', '__proto__.x', 'batchs'])(
    'treats the type %s as any unknown type',
    (type) => {
      expect(parse({ type, data: { id: '7' } })).toMatchObject({ type, subject: '7' });
    },
  );

  it.each(['ping', 'webhook.ping', 'model.tuned', 'batch.unknown'])(
    'accepts %s without a job',
    (type) => {
      expect(parse({ type })).toEqual({
        type,
        subject: undefined,
        jobName: undefined,
        time: undefined,
      });
      expect(parse({ type, data: null }).subject).toBeUndefined();
    },
  );

  it.each([
    '2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00.123456789Z',
    '2026-01-01T01:00:00+01:00',
  ])('keeps the time %s unchanged', (timestamp) => {
    expect(parse({ type: 'ping', timestamp }).time).toBe(timestamp);
  });

  it.each([
    'yesterday',
    '2026-01-01',
    '2026-01-01 00:00:00Z',
    '2026-01-01T00:00:00',
    '2026-01-01T00:00:00Z\n',
    '2026-13-01T00:00:00Z',
    '2016-12-31T23:59:60Z', // a leap second, which JavaScript cannot compute with
    `2026-01-01T00:00:00.${'0'.repeat(99)}Z`,
    1_700_000_000,
    null,
  ])('ignores the time %j', (timestamp) => {
    expect(parse({ type: 'ping', timestamp }).time).toBeUndefined();
  });

  it.each<[string, string | Buffer]>([
    ['nothing', ''],
    ['half an object', '{"type":"ping"'],
    ['a form', 'type=ping'],
    ['a byte order mark', '\ufeff{"type":"ping"}'],
    ['bytes', Buffer.from([0, 1, 2, 0xff])],
  ])('refuses %s as not-json', (_, body) => {
    expect(faultIn(body)).toBe('not-json');
  });

  it.each([
    'null',
    '[]',
    '"ping"',
    '7',
    '{}',
    '{"type":null}',
    '{"type":7}',
    '{"type":""}',
    '{"type":"a b"}',
    '{"type":"ü"}',
    '{"type":"a\\nb"}',
    `{"type":"${'x'.repeat(129)}"}`,
    '{"Type":"ping"}',
    '['.repeat(100_000) + ']'.repeat(100_000),
  ])('refuses %.40s as not-an-event', (body) => {
    expect(faultIn(body)).toBe('not-an-event');
  });

  it.each([
    undefined,
    null,
    7,
    'batches/1',
    {},
    { id: '' },
    { id: 7 },
    { id: null },
    { id: ['batches/1'] },
    { id: 'x'.repeat(513) },
  ])('refuses an event of a job with the data %j as job-unnamed', (data) => {
    expect(faultIn(JSON.stringify({ type: 'batch.succeeded', data }))).toBe(
      'job-unnamed',
    );
    expect(faultIn(JSON.stringify({ type: 'interaction.failed', data }))).toBe(
      'job-unnamed',
    );
  });

  it('has a subject that is valid UTF-8 when the id has half a surrogate pair', () => {
    const event = parseGeminiEvent(
      Buffer.from('{"type":"batch.failed","data":{"id":"\\ud800"}}'),
    );
    expect(Buffer.from(event.subject!).toString()).toBe('batches/\ufffd');
  });

  it('accepts a body that is not valid UTF-8 throughout', () => {
    const bytes = [
      Buffer.from('{"type":"ping","x":"'),
      Buffer.from([0xff]),
      Buffer.from('"}'),
    ];
    expect(parseGeminiEvent(Buffer.concat(bytes)).type).toBe('ping');
  });
});
