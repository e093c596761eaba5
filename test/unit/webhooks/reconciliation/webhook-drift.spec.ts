import { describe, expect, it } from '@jest/globals';
import type { GeminiWebhook } from '../../../../src/webhooks/gemini/gemini-webhook.js';
import {
  markedName,
  webhookStatus,
} from '../../../../src/webhooks/reconciliation/webhook-drift.js';

const OWNER = 'bridge.example';
const DECLARED = {
  name: 'main',
  uri: 'https://bridge.example/webhooks/gemini',
  events: ['batch.succeeded', 'batch.failed'],
};
const NO_SECRET = 'is signed with a secret that the vault does not have';

const webhook = (rest: Partial<GeminiWebhook> = {}): GeminiWebhook => ({
  id: 'w1',
  name: markedName(DECLARED, OWNER),
  uri: DECLARED.uri,
  subscribedEvents: [...DECLARED.events],
  state: 'enabled',
  secrets: [],
  ...rest,
});

const statusOf = (all: readonly GeminiWebhook[], held: readonly string[] = ['w1']) =>
  webhookStatus(DECLARED, all, OWNER, ({ id }) => held.includes(id));

it('the name at Gemini has the owner', () => {
  expect(markedName(DECLARED, OWNER)).toBe('main [gemini-kafka-bridge/bridge.example]');
});

describe('a webhook that is as declared', () => {
  it('has no drift, in any order of its events', () => {
    const same = webhook({ subscribedEvents: ['batch.failed', 'batch.succeeded'] });
    expect(statusOf([same])).toEqual({
      webhook: same,
      spare: [],
      changes: {},
      drift: [],
    });
  });
});

describe('a webhook that is not as declared', () => {
  it.each<[string, Partial<GeminiWebhook>, object, string]>([
    [
      'another URI',
      { uri: 'https://x/' },
      { uri: DECLARED.uri },
      'delivers to https://x/',
    ],
    [
      'fewer events',
      { subscribedEvents: ['batch.failed'] },
      { subscribedEvents: DECLARED.events },
      'has batch.failed',
    ],
    [
      'other events',
      { subscribedEvents: ['batch.failed', 'video.generated'] },
      { subscribedEvents: DECLARED.events },
      'has batch.failed, video.generated',
    ],
    [
      'a state that Gemini set',
      { state: 'disabled_due_to_failed_deliveries' },
      {},
      'is disabled_due_to_failed_deliveries',
    ],
  ])('because it has %s', (_, rest, changes, drift) => {
    expect(statusOf([webhook(rest)])).toMatchObject({ changes, drift: [drift] });
  });

  it('because its secret is not stored', () => {
    expect(statusOf([webhook()], [])).toMatchObject({ changes: {}, drift: [NO_SECRET] });
  });

  it('names all differences', () => {
    const other = webhook({ uri: 'https://x/', subscribedEvents: [], state: 'disabled' });
    expect(statusOf([other], []).drift).toEqual([
      'delivers to https://x/',
      'has ',
      'is disabled',
      NO_SECRET,
    ]);
  });
});

describe('several webhooks of the same name and owner', () => {
  const [first, second] = [webhook({ id: 'w0' }), webhook()];

  it('leave the one whose secret is stored, and the others are spare', () => {
    expect(statusOf([first, second])).toEqual({
      webhook: second,
      spare: [first],
      changes: {},
      drift: ['is there 2 times'],
    });
  });

  it('leave the first if no secret is stored', () => {
    expect(statusOf([first, second], [])).toMatchObject({
      webhook: first,
      spare: [second],
    });
  });
});

describe('a webhook that is missing', () => {
  it.each([
    ['without any webhook', []],
    ['beside one of another name', [webhook({ name: 'main', uri: 'https://x/' })]],
    [
      'beside one of another owner',
      [webhook({ name: markedName(DECLARED, 'other'), uri: 'https://x/' })],
    ],
  ])('is reported %s', (_, all) => {
    const status = {
      webhook: undefined,
      spare: [],
      changes: {},
      drift: ['is not there'],
    };
    expect(statusOf(all)).toEqual(status);
  });

  it('is reported with the webhook that delivers to the same URI', () => {
    const [drift] = statusOf([webhook({ id: 'w9', name: 'by hand' })]).drift;
    expect(drift).toMatch(/^is not there, and webhook w9 \(by hand\) .* same place/);
  });
});
