import { describe, expect, it } from '@jest/globals';
import {
  EMPTY,
  LATE_MS,
  OVERLAP_MS,
  parseSecretsDocument,
  withoutEntry,
  withoutExpired,
  withoutPendingIssuance,
  withPendingIssuance,
  withResealed,
  withSecret,
  withUses,
  withWebhookGone,
  withWebhooksPresent,
  type PendingIssuance,
  type SealedSecret,
  type SecretsDocument,
} from '../../../src/signing-secrets/secrets-document.js';

const NOW = 1_800_000_000_000;
const DAY_MS = 24 * 3_600_000;

const sealedSecret = (keyId: string, rest: Partial<SealedSecret> = {}): SealedSecret => ({
  keyId,
  sealed: `sealed ${keyId}`,
  issuedAt: NOW,
  ...rest,
});

const documentWith = (
  webhooks: Record<string, readonly SealedSecret[]>,
  rest: Partial<SecretsDocument> = {},
): SecretsDocument => ({
  ...EMPTY,
  ...rest,
  webhooks: Object.fromEntries(
    Object.entries(webhooks).map(([id, secrets]) => [id, { secrets: [...secrets] }]),
  ),
});

const pending = (rest: Partial<PendingIssuance>): PendingIssuance => ({
  id: 'p1',
  revokes: false,
  since: NOW,
  until: NOW,
  holder: '',
  tries: 0,
  ...rest,
});

const keyIds = (document: SecretsDocument, id = 'w1') =>
  document.webhooks[id]?.secrets.map(({ keyId }) => keyId);

describe('parseSecretsDocument', () => {
  it('reads what JSON.stringify wrote', () => {
    const document = documentWith(
      { w1: [sealedSecret('a', { expiresAt: NOW, usedAt: NOW })] },
      {
        id: 'v2',
        history: ['v1'],
        unsettled: [pending({ webhookId: 'w1', settlesOthers: true, before: ['w0'] })],
        round: { holder: 'h', until: NOW },
        revivals: { w1: { count: 1, at: NOW, wellSince: NOW } },
        lookDue: true,
      },
    );
    expect(parseSecretsDocument(JSON.stringify(document))).toEqual(document);
  });

  it.each(['', '{', 'null', '[]', '{}', JSON.stringify({ ...EMPTY, webhooks: [] })])(
    'refuses %j',
    (text) => {
      expect(() => parseSecretsDocument(text)).toThrow();
    },
  );
});

describe('withSecret', () => {
  it('puts the secret first and lets older ones expire a day after its issue', () => {
    const [a, b] = [sealedSecret('a'), sealedSecret('b', { issuedAt: NOW + 5 })];
    const document = withSecret(documentWith({ w1: [a] }), 'w1', b, false);
    expect(document.webhooks['w1']?.secrets).toEqual([
      b,
      { ...a, expiresAt: NOW + 5 + OVERLAP_MS },
    ]);
    expect(document.revoked).toEqual({});
  });

  it('does not extend the life of a secret that ends earlier', () => {
    const ending = sealedSecret('a', { expiresAt: NOW + 1 });
    const document = withSecret(
      documentWith({ w1: [ending] }),
      'w1',
      sealedSecret('b'),
      false,
    );
    expect(document.webhooks['w1']?.secrets[1]).toEqual(ending);
  });

  it('removes older secrets and records their revocation', () => {
    const before = documentWith({ w1: [sealedSecret('a'), sealedSecret('b')] });
    const document = withSecret(before, 'w1', sealedSecret('c'), true);
    expect(keyIds(document)).toEqual(['c']);
    expect(document.revoked).toEqual({ a: NOW, b: NOW });
  });

  it('changes nothing if the secret is stored already', () => {
    const document = documentWith({ w1: [sealedSecret('a')] });
    expect(withSecret(document, 'w1', sealedSecret('a'), true)).toBe(document);
  });

  it('removes the mark of a webhook that was gone', () => {
    const gone = withWebhookGone(documentWith({ w1: [sealedSecret('a')] }), 'w1', NOW);
    const document = withSecret(gone, 'w1', sealedSecret('b'), false);
    expect(document.webhooks['w1']).not.toHaveProperty('goneAt');
  });
});

describe('the mark of a webhook that is gone', () => {
  const document = documentWith({ w1: [sealedSecret('a')], w2: [sealedSecret('b')] });

  it('keeps the first time', () => {
    const gone = withWebhookGone(document, 'w1', NOW);
    expect(gone.webhooks['w1']?.goneAt).toBe(NOW);
    expect(gone.webhooks['w2']).toEqual(document.webhooks['w2']);
    expect(withWebhookGone(gone, 'w1', NOW + 1)).toBe(gone);
    expect(withWebhookGone(document, 'unknown', NOW)).toBe(document);
  });

  it('is removed from webhooks that are present', () => {
    const gone = withWebhookGone(document, 'w1', NOW);
    expect(withWebhooksPresent(gone, new Set(['w1']))).toEqual(document);
    expect(withWebhooksPresent(gone, new Set(['w2']))).toBe(gone);
  });
});

describe('withoutEntry', () => {
  const document = {
    ...documentWith({ w1: [sealedSecret('a')], w2: [sealedSecret('b')] }),
    unsettled: [pending({ webhookId: 'w1' }), pending({ id: 'p2', webhookId: 'w2' })],
  };

  it('removes a webhook with its pending issuances', () => {
    const { webhooks, unsettled } = withoutEntry(document, 'w1');
    expect(Object.keys(webhooks)).toEqual(['w2']);
    expect(unsettled).toMatchObject([{ id: 'p2' }]);
  });

  it('removes one pending issuance by its own id', () => {
    const { webhooks, unsettled } = withoutEntry(document, 'p2');
    expect(Object.keys(webhooks)).toEqual(['w1', 'w2']);
    expect(unsettled).toMatchObject([{ id: 'p1' }]);
  });
});

describe('withUses', () => {
  const document = documentWith({
    w1: [sealedSecret('a', { usedAt: NOW }), sealedSecret('b')],
  });

  it('stores uses that are a minute newer', () => {
    const uses = new Map([
      ['a', NOW + 60_000],
      ['b', NOW],
    ]);
    const { secrets = [] } = withUses(document, uses).webhooks['w1'] ?? {};
    expect(secrets.map(({ usedAt }) => usedAt)).toEqual([NOW + 60_000, NOW]);
  });

  it('changes nothing for a use within the minute', () => {
    expect(withUses(document, new Map([['a', NOW + 59_999]]))).toBe(document);
  });
});

describe('withoutExpired', () => {
  it('keeps an expired secret while late deliveries may arrive', () => {
    const secrets = [sealedSecret('a'), sealedSecret('b', { expiresAt: NOW })];
    const document = documentWith({ w1: secrets });
    expect(keyIds(withoutExpired(document, NOW + LATE_MS - 1))).toEqual(['a', 'b']);
    expect(keyIds(withoutExpired(document, NOW + LATE_MS))).toEqual(['a']);
  });

  it('removes a webhook that is gone for a week, and its creation', () => {
    const creations = { 'https://a': { webhookId: 'w1' } };
    const document = documentWith({ w1: [sealedSecret('a')] }, { creations });
    const gone = withWebhookGone(document, 'w1', NOW);
    expect(withoutExpired(gone, NOW + 7 * DAY_MS - 1)).toEqual(gone);
    const { webhooks, creations: left } = withoutExpired(gone, NOW + 7 * DAY_MS);
    expect([webhooks, left]).toEqual([{}, {}]);
  });

  it('forgets a revocation after two days', () => {
    const document = { ...EMPTY, revoked: { a: NOW, b: NOW + 1 } };
    expect(withoutExpired(document, NOW + 2 * DAY_MS).revoked).toEqual({ b: NOW + 1 });
  });
});

describe('withResealed', () => {
  it('replaces one sealed text and keeps the rest', () => {
    const document = documentWith({ w1: [sealedSecret('a'), sealedSecret('b')] });
    const { secrets } = withResealed(document, 'w1', 'sealed a', 'new').webhooks['w1']!;
    expect(secrets).toEqual([sealedSecret('a', { sealed: 'new' }), sealedSecret('b')]);
  });

  it('changes nothing for a webhook without secrets', () => {
    expect(withResealed(EMPTY, 'w1', 'a', 'b')).toBe(EMPTY);
  });
});

describe('pending issuances', () => {
  it('are replaced and removed by their id', () => {
    const one = withPendingIssuance(EMPTY, pending({ tries: 1 }));
    const two = withPendingIssuance(one, pending({ id: 'p2' }));
    const changed = withPendingIssuance(two, pending({ tries: 2 }));
    expect(changed.unsettled.map(({ id, tries }) => [id, tries])).toEqual([
      ['p2', 0],
      ['p1', 2],
    ]);
    expect(withoutPendingIssuance(changed, 'p1').unsettled).toEqual([
      pending({ id: 'p2' }),
    ]);
  });
});
