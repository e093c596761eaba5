import { describe, expect, it } from '@jest/globals';
import {
  descendsFrom,
  merge,
  newVersion,
} from '../../../../src/signing-secrets/document/document-ancestry.js';
import {
  EMPTY,
  OVERLAP_MS,
  type PendingIssuance,
  type SealedSecret,
  type SecretsDocument,
} from '../../../../src/signing-secrets/secrets-document.js';

const NOW = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

const sealedSecret = (
  keyId: string,
  issuedAt = NOW,
  expiresAt?: number,
): SealedSecret => ({
  keyId,
  sealed: `sealed ${keyId}`,
  issuedAt,
  ...(expiresAt !== undefined && { expiresAt }),
});

const version = (
  id: string,
  secrets: readonly SealedSecret[],
  rest: Partial<SecretsDocument> = {},
): SecretsDocument => ({
  ...EMPTY,
  id,
  webhooks: { w1: { secrets: [...secrets] } },
  ...rest,
});

const pending = (id: string, until: number): PendingIssuance => ({
  id,
  webhookId: 'w9',
  revokes: false,
  since: until,
  until,
  holder: '',
  tries: 0,
});

const keyIds = ({ webhooks }: SecretsDocument) =>
  webhooks['w1']?.secrets.map(({ keyId }) => keyId);

describe('the history of a document', () => {
  it('has the versions before it, newest first', () => {
    const first = newVersion(EMPTY, EMPTY);
    const second = newVersion(first, first);
    expect(first.history).toEqual([]);
    expect(newVersion(second, second).history).toEqual([second.id, first.id]);
  });

  it('has at most 64 versions', () => {
    let document = newVersion(EMPTY, EMPTY);
    for (let n = 0; n < 100; n++) document = newVersion(document, document);
    expect(new Set(document.history).size).toBe(64);
  });

  it('tells a descendant from a version that was written apart', () => {
    const parent = newVersion(EMPTY, EMPTY);
    const [one, two] = [newVersion(parent, parent), newVersion(parent, parent)];
    expect(descendsFrom(one, one)).toBe(true);
    expect(descendsFrom(one, parent)).toBe(true);
    expect(descendsFrom(one, EMPTY)).toBe(true);
    expect(descendsFrom(parent, one)).toBe(false);
    expect(descendsFrom(one, two)).toBe(false);
  });
});

describe('a merge', () => {
  it('descends from both versions', () => {
    const [stored, ours] = [version('a', []), version('b', [])];
    const merged = merge(stored, ours, NOW);
    expect([stored, ours].every((each) => descendsFrom(merged, each))).toBe(true);
  });

  it('has the secrets of both, newest first, and only the newest without an end', () => {
    const stored = version('a', [sealedSecret('old', NOW - 2), sealedSecret('new', NOW)]);
    const ours = version('b', [sealedSecret('other', NOW - 1)]);
    expect(merge(stored, ours, NOW).webhooks['w1']?.secrets).toEqual([
      sealedSecret('new', NOW),
      sealedSecret('other', NOW - 1, NOW - 1 + 2 * OVERLAP_MS),
      sealedSecret('old', NOW - 2, NOW - 2 + 2 * OVERLAP_MS),
    ]);
  });

  it('has the earlier end of a secret', () => {
    const stored = version('a', [sealedSecret('s', NOW, NOW + 9)]);
    const ours = version('b', [sealedSecret('s', NOW, NOW + 5)]);
    expect(merge(stored, ours, NOW).webhooks['w1']?.secrets).toEqual([
      sealedSecret('s', NOW, NOW + 5),
    ]);
  });

  it.each(['stored', 'ours'])('does not bring back what %s has revoked', (revoking) => {
    const revoked = { revoked: { gone: NOW } };
    const kept = version('a', [sealedSecret('kept')], revoked);
    const lost = version('b', [sealedSecret('gone')]);
    const merged =
      revoking === 'stored' ? merge(kept, lost, NOW) : merge(lost, kept, NOW);
    expect(keyIds(merged)).toEqual(['kept']);
    expect(merged.revoked).toEqual({ gone: NOW });
    // The other secrets of the webhook may be revoked, too
    expect(merged.unsettled).toMatchObject([{ webhookId: 'w1', revokes: true }]);
  });

  it('has a webhook rotated if the versions disagree on its newest secret', () => {
    const merged = merge(
      version('a', [sealedSecret('x')]),
      version('b', [sealedSecret('y')]),
      NOW,
    );
    expect(merged.unsettled).toMatchObject([
      { webhookId: 'w1', revokes: false, until: NOW, holder: '', tries: 1 },
    ]);
  });

  it('has no webhook rotated if one version does not know it, or both agree', () => {
    const known = version('a', [sealedSecret('x')]);
    const without = version('b', [], { webhooks: {} });
    expect(merge(known, without, NOW).unsettled).toEqual([]);
    expect(merge(without, known, NOW).unsettled).toEqual([]);
    expect(merge(known, version('b', [sealedSecret('x')]), NOW).unsettled).toEqual([]);
  });

  it('has pending issuances of both, without old ones of ours', () => {
    const stored = version('a', [], { unsettled: [pending('p1', NOW - 9 * HOUR_MS)] });
    const ours = version('b', [], {
      unsettled: [
        pending('p1', NOW),
        pending('p2', NOW - HOUR_MS),
        pending('p3', NOW - 2 * HOUR_MS),
      ],
    });
    expect(merge(stored, ours, NOW).unsettled).toEqual([
      pending('p1', NOW - 9 * HOUR_MS),
      pending('p2', NOW - HOUR_MS),
    ]);
  });

  it('has the later end of lost secrets, and the creations of both', () => {
    const stored = version('a', [], {
      lostUntil: 5,
      creations: { u: { webhookId: 'a' } },
    });
    const ours = version('b', [], {
      lostUntil: 9,
      creations: { u: { webhookId: 'b' }, v: { webhookId: 'c' } },
    });
    expect(merge(stored, ours, NOW)).toMatchObject({
      lostUntil: 9,
      creations: { u: { webhookId: 'a' }, v: { webhookId: 'c' } },
    });
  });
});
