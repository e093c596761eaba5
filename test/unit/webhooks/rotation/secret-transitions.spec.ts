import { describe, expect, it } from '@jest/globals';
import {
  EMPTY,
  LATE_MS,
  OVERLAP_MS,
  withPendingIssuance,
  type PendingIssuance,
  type SecretsDocument,
} from '../../../../src/signing-secrets/secrets-document.js';
import {
  ownEntry,
  withCreationEntry,
  withIssuedSecret,
  withRotationEntry,
  withWebhookClaimed,
} from '../../../../src/webhooks/rotation/secret-transitions.js';

const NOW = 1_800_000_000_000;
const URI = 'https://bridge.example/webhooks/gemini';
const W1 = { id: 'w1', name: 'main', uri: URI };
const SECRET = { keyId: 'new', sealed: 'sealed', issuedAt: NOW };
const OLD = { keyId: 'old', sealed: 'sealed', issuedAt: NOW - 1000 };

const entryOf = (rest: Partial<PendingIssuance> = {}): PendingIssuance => ({
  id: 'entry',
  revokes: false,
  since: NOW,
  until: NOW + 15_000,
  holder: 'me',
  tries: 0,
  ...rest,
});

const rotation = (rest: Partial<PendingIssuance> = {}) =>
  entryOf({ webhookId: 'w1', ...rest });
const creation = (rest: Partial<PendingIssuance> = {}) =>
  entryOf({ name: 'main', uri: URI, ...rest });

const documentWith = (...entries: readonly PendingIssuance[]): SecretsDocument => ({
  ...EMPTY,
  unsettled: [...entries],
});

const busy = expect.objectContaining({ status: 409, code: 'webhook-busy' });
const thrownBy = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

describe('ownEntry', () => {
  it('is the stored entry of the same holder', () => {
    const stored = rotation({ until: NOW + 99_000 });
    expect(ownEntry(documentWith(stored), rotation())).toBe(stored);
    expect(ownEntry(documentWith(rotation({ holder: 'x' })), rotation())).toBeUndefined();
    expect(ownEntry(EMPTY, rotation())).toBeUndefined();
  });
});

const create = (document: SecretsDocument, missing?: string) =>
  thrownBy(() => withCreationEntry(document, creation(), missing));

describe('withCreationEntry', () => {
  it('adds the entry once', () => {
    const added = documentWith(creation());
    expect(create(EMPTY)).toEqual(added);
    expect(create(added)).toEqual(added);
  });

  it('is refused while a webhook at the URI is being created', () => {
    expect(create(documentWith(creation({ id: 'other' })))).toEqual(busy);
    const elsewhere = documentWith(creation({ id: 'other', uri: 'https://x/' }));
    expect(create(elsewhere)).toMatchObject({ unsettled: [{ id: 'other' }, creation()] });
  });

  it('is refused if a webhook was created at the URI, unless it is missing', () => {
    const document = { ...EMPTY, creations: { [URI]: { webhookId: 'w1' } } };
    const exists = { status: 409, code: 'webhook-exists', extensions: { id: 'w1' } };
    expect(create(document)).toMatchObject(exists);
    expect(create(document, 'w0')).toMatchObject(exists);
    expect(create(document, 'w1')).toMatchObject({ unsettled: [creation()] });
  });
});

describe('withRotationEntry', () => {
  const add = (document: SecretsDocument, force = false, entry = rotation()) =>
    thrownBy(() => withRotationEntry(document, entry, W1, force, NOW));

  it('adds the entry beside those of other webhooks', () => {
    const other = rotation({ id: 'other', webhookId: 'w2' });
    expect(add(documentWith(other))).toEqual(documentWith(other, rotation()));
    expect(add(documentWith(rotation()))).toEqual(documentWith(rotation()));
  });

  it.each([
    ['another rotation', rotation({ id: 'other', until: NOW + 1 })],
    ['its creation', creation({ id: 'other', until: NOW + 1 })],
  ])('is refused during %s, even with force', (_, other) => {
    expect(add(documentWith(other))).toEqual(busy);
    expect(add(documentWith(other), true)).toEqual(busy);
  });

  it.each([
    ['released', { holder: '', until: NOW + 3_600_000 }],
    ['expired', { holder: 'dead', until: NOW - 1 }],
  ])('replaces a %s entry with force, and stays pending when refused', (_, rest) => {
    const waiting = rotation({ id: 'other', revokes: true, ...rest });
    expect(add(documentWith(waiting))).toEqual(busy);
    expect(add(documentWith(waiting), true)).toEqual(
      documentWith(rotation({ revokes: true, tries: 1, settlesOthers: true })),
    );
  });
});

describe('withWebhookClaimed', () => {
  it('gives the entry of a creation its webhook', () => {
    const claimed = withWebhookClaimed(documentWith(creation()), creation(), 'w1');
    expect(claimed.unsettled).toEqual([creation({ webhookId: 'w1' })]);
    expect(withWebhookClaimed(claimed, creation(), 'w1')).toBe(claimed);
  });

  it('removes the entry if the webhook has secrets or is being rotated', () => {
    const other = rotation({ id: 'other' });
    const withSecrets = {
      ...documentWith(creation()),
      webhooks: { w1: { secrets: [OLD] } },
    };
    expect(withWebhookClaimed(withSecrets, creation(), 'w1').unsettled).toEqual([]);
    const rotating = documentWith(creation(), other);
    expect(withWebhookClaimed(rotating, creation(), 'w1').unsettled).toEqual([other]);
  });

  it('changes nothing if another replica has the entry', () => {
    const document = documentWith(creation({ holder: 'other' }));
    expect(withWebhookClaimed(document, creation(), 'w1')).toBe(document);
  });
});

const issue = (document: SecretsDocument, entry: PendingIssuance) =>
  withIssuedSecret(withPendingIssuance(document, entry), entry, 'w1', SECRET, NOW);

describe('withIssuedSecret', () => {
  const before = { ...EMPTY, webhooks: { w1: { secrets: [OLD] } } };

  it('stores the secret and removes the entry', () => {
    const issued = issue(before, rotation());
    expect(issued).toEqual({
      ...EMPTY,
      webhooks: { w1: { secrets: [SECRET, { ...OLD, expiresAt: NOW + OVERLAP_MS }] } },
    });
  });

  it('revokes the older secrets if the entry says so', () => {
    const issued = issue(before, rotation({ revokes: true }));
    expect(issued.webhooks).toEqual({ w1: { secrets: [SECRET] } });
    expect(issued.revoked).toEqual({ old: NOW });
  });

  it('records the webhook of a creation by its URI', () => {
    expect(issue(EMPTY, creation()).creations).toEqual({ [URI]: { webhookId: 'w1' } });
  });

  it.each([
    [false, OVERLAP_MS + LATE_MS],
    [true, LATE_MS],
  ])(
    'after failed tries, revoking %p, lost secrets may sign for %i ms',
    (revokes, ms) => {
      const entry = rotation({ tries: 1, revokes });
      expect(issue(before, entry).lostUntil).toBe(NOW + ms);
      const later = { ...before, lostUntil: NOW + 2 * OVERLAP_MS };
      expect(issue(later, entry).lostUntil).toBe(later.lostUntil);
    },
  );

  it('is done once', () => {
    const issued = issue(before, rotation());
    expect(withIssuedSecret(issued, rotation(), 'w1', SECRET, NOW)).toBe(issued);
  });

  it('drops the secret if another replica took the entry over, and has it rotated again', () => {
    const { webhooks, unsettled } = withIssuedSecret(
      before,
      rotation({ revokes: true }),
      'w1',
      SECRET,
      NOW,
    );
    expect(webhooks).toEqual(before.webhooks);
    expect(unsettled).toEqual([
      rotation({ id: 'entry again', revokes: true, until: NOW, holder: '' }),
    ]);
  });
});
