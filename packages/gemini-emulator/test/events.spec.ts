import { describe, expect, it } from '@jest/globals';
import { GeminiEmulator } from '../src/emulator.js';
import type { StartOptions } from '../src/options.js';
import { call, submit } from './call.js';
import { startReceiver, type Received } from './receiver.js';

type Act = (emulator: GeminiEmulator, uri: string) => void | Promise<void>;

/** The one event that the call sends. */
async function eventOf(options: StartOptions, act: Act): Promise<Received['event']> {
  await using emulator = await GeminiEmulator.start(options);
  await using receiver = await startReceiver();
  await act(emulator, receiver.url);
  await emulator.drained();
  expect(receiver.requests).toHaveLength(1);
  const [received] = receiver.requests;
  if (!received) throw new Error('nothing came');
  return received.event;
}

const METADATA = { order: '7' };
const succeed: Act = async (emulator, uri) => {
  emulator.finishJob(await submit(emulator, [uri], METADATA), 'succeeded');
};

describe('the envelope', () => {
  it('has a type, a version, a time and data', async () => {
    expect(await eventOf({}, succeed)).toEqual({
      type: 'batch.succeeded',
      version: 'v1',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      data: {
        id: expect.stringMatching(/^batches\/[a-z0-9]{36}$/),
        user_metadata: METADATA,
      },
    });
  });

  it.each([
    ['batches/', /^batches\/[a-z0-9]{36}$/],
    ['batch_', /^batch_[a-z0-9]{36}$/],
    ['bare', /^[a-z0-9]{36}$/],
  ] as const)('spells data.id as %s', async (dataId, form) => {
    expect((await eventOf({ dataId }, succeed)).data['id']).toMatch(form);
  });

  it.each([
    ['data.user_metadata', { data: { user_metadata: METADATA } }],
    ['user_metadata', { user_metadata: METADATA }],
    [
      'data.webhook_config.user_metadata',
      { data: { webhook_config: { user_metadata: METADATA } } },
    ],
  ] as const)('repeats user_metadata in %s', async (userMetadata, expected) => {
    expect(await eventOf({ userMetadata }, succeed)).toMatchObject(expected);
  });

  it.each(['claims', 'none'] as const)(
    'has no user_metadata with userMetadata: %s',
    async (userMetadata) => {
      expect(JSON.stringify(await eventOf({ userMetadata }, succeed))).not.toContain(
        'order',
      );
    },
  );

  it('has batch.completed with that successType, for webhooks that subscribed to batch.succeeded', async () => {
    const { type } = await eventOf(
      { successType: 'batch.completed' },
      async (emulator, uri) => {
        emulator.webhooks.create({ uri, subscribed_events: ['batch.succeeded'] });
        emulator.finishJob(await submit(emulator), 'succeeded');
      },
    );
    expect(type).toBe('batch.completed');
  });
});

describe('the data', () => {
  it('of a failed batch have its error', async () => {
    const { data } = await eventOf({}, async (emulator, uri) => {
      const details = { errorCode: 'QUOTA', errorMessage: 'too much' };
      emulator.finishJob(await submit(emulator, [uri]), 'failed', details);
    });
    expect(data).toMatchObject({ error_code: 'QUOTA', error_message: 'too much' });
  });

  it.each([
    ['files/', /^files\/batch-[a-z0-9]{36}$/],
    ['gs://', /^gs:\/\/.*batch-[a-z0-9]{36}$/],
  ] as const)('of a file batch names the results as %s', async (outputUri, form) => {
    const { data } = await eventOf({ outputUri }, async (emulator, uri) => {
      emulator.files.add('in', Buffer.from('{"key":"a","request":{}}'), {
        mimeType: 'application/jsonl',
      });
      const batch = {
        inputConfig: { fileName: 'files/in' },
        webhookConfig: { uris: [uri] },
      };
      const path = '/v1beta/models/gemini-flash:batchGenerateContent';
      const { body } = await call(emulator, 'POST', path, { batch });
      emulator.finishJob(body.name, 'succeeded');
    });
    expect(data['output_file_uri']).toMatch(form);
  });

  it.each([
    ['newest', { id: 'op', output_file_uri: 'gs://b/v.mp4', file_name: 'files/v' }],
    ['launch', { file_id: 'files/v', video_uri: 'gs://b/v.mp4' }],
  ] as const)('of a video has the %s names', async (spelling, expected) => {
    const { data } = await eventOf({ spelling }, (emulator, uri) => {
      const video = { id: 'op', output_file_uri: 'gs://b/v.mp4', file_name: 'files/v' };
      emulator.emit('video.generated', video, { uris: [uri] });
    });
    expect(data).toEqual(expected);
  });

  it('of a batch have an error_count with spelling: launch', async () => {
    const { data } = await eventOf({ spelling: 'launch' }, succeed);
    expect(data['error_count']).toBe(0);
  });
});

describe('cancelling', () => {
  it('sends no event, because the API has none', async () => {
    await using emulator = await GeminiEmulator.start();
    const name = await submit(emulator, ['http://127.0.0.1:1/']);
    expect(emulator.finishJob(name, 'cancelled')).toEqual([]);
  });

  it('sends an event with cancelledEvents', async () => {
    const { type } = await eventOf({ cancelledEvents: true }, async (emulator, uri) => {
      const name = await submit(emulator, [uri]);
      await call(emulator, 'POST', `/v1beta/${name}:cancel`, {});
    });
    expect(type).toBe('batch.cancelled');
  });
});
