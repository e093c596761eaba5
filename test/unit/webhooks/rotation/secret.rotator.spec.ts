import { Logger } from '@nestjs/common';
import {
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { GeminiError, isRefused } from '../../../../src/gemini/gemini.error.js';
import { parseSecretsDocument } from '../../../../src/signing-secrets/secrets-document.js';
import { IssuingGemini, newSecret } from '../../../support/issuing-gemini.js';
import { MemorySecretsStore } from '../../../support/memory.secrets-store.js';
import type { TemporaryFile } from '../../../support/temporary-file.js';
import { keyIds, NEW, noAnswer, refusal, Replica, vaultKeys, W1 } from './replica.js';

let gemini: IssuingGemini;
let store: MemorySecretsStore;
let keys: TemporaryFile;
let replica: Replica;

const storedPending = () => parseSecretsDocument(store.stored.text).unsettled;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(async () => {
  gemini = new IssuingGemini();
  store = new MemorySecretsStore();
  keys = vaultKeys();
  replica = await Replica.start(store, keys, gemini);
});

afterEach(() => {
  replica.stop();
  keys[Symbol.dispose]();
  jest.restoreAllMocks();
});

describe('SecretRotator', () => {
  it('has stored the secret of a new webhook when the creation returns', async () => {
    expect(await replica.rotator.create(NEW, [])).toMatchObject(W1);
    expect(replica.held).toEqual(keyIds(...gemini.issued));
    expect(replica.pending).toEqual([]);
  });

  it('stores a pending issuance before it calls Gemini', async () => {
    const seen: unknown[] = [];
    gemini.answer = (request) => {
      seen.push(storedPending());
      return gemini.handle(request);
    };
    await replica.rotator.rotate(W1, { revokes: true });
    expect(seen).toMatchObject([[{ webhookId: 'w1', revokes: true }]]);
    expect(storedPending()).toEqual([]);
  });

  it('keeps the old secret, or revokes it', async () => {
    await replica.rotator.create(NEW, []);
    await replica.rotator.rotate(W1);
    expect(replica.held).toEqual(keyIds(gemini.issued[1]!, gemini.issued[0]!));
    await replica.rotator.rotate(W1, { revokes: true });
    expect(replica.held).toEqual(keyIds(gemini.issued[2]!));
    expect(gemini.asked.at(-1)?.body).toEqual({
      revocation_behavior: 'revoke_previous_secrets_immediately',
    });
  });

  it('leaves no pending issuance when Gemini refuses', async () => {
    gemini.failures = [refusal(400)];
    const rotation = replica.rotator.rotate(W1, { revokes: true });
    await expect(rotation).rejects.toBeInstanceOf(GeminiError);
    expect(replica.pending).toEqual([]);
  });

  it('leaves a pending issuance when Gemini does not answer', async () => {
    gemini.failures = [noAnswer()];
    const rotation = replica.rotator.rotate(W1, { revokes: true });
    await expect(rotation).rejects.toBeInstanceOf(GeminiError);
    expect(replica.pending).toMatchObject([{ webhookId: 'w1', revokes: true, tries: 1 }]);
  });

  it('refuses a second rotation of a webhook meanwhile', async () => {
    gemini.answer = async (request) => {
      const second = replica.rotator.rotate(W1);
      await expect(second).rejects.toMatchObject({ status: 409, code: 'webhook-busy' });
      return gemini.handle(request);
    };
    await replica.rotator.rotate(W1);
    expect(gemini.issued).toHaveLength(1);
  });

  it('stores the secret again when the store does not answer', async () => {
    store.loseAnswer(({ webhooks }) => 'w1' in webhooks);
    await replica.rotator.rotate(W1);
    expect(replica.held).toEqual(keyIds(gemini.issued[0]!));
    expect(replica.pending).toEqual([]);
  });

  it('does not bring back a secret that was revoked before the write was repeated', async () => {
    const newer = newSecret();
    store.loseAnswer(
      ({ webhooks }) => 'w1' in webhooks,
      async () => {
        const other = await Replica.start(store, keys, gemini);
        const added = await other.signingSecrets.seal(newer, 'w1', Date.now());
        await other.signingSecrets.updateDocument((document) => ({
          ...document,
          webhooks: { w1: { secrets: [added] } },
        }));
        other.stop();
      },
    );
    await replica.rotator.rotate(W1);
    expect(replica.held).toEqual(keyIds(newer));
    // The order of the two secrets is unknown: one more rotation decides
    expect(replica.pending).toMatchObject([{ webhookId: 'w1' }]);
  });

  it('does not call Gemini if the process was suspended after it stored the entry', async () => {
    store.afterWrite = () => {
      store.afterWrite = () => undefined;
      jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 60_000);
    };
    const rotation = replica.rotator.rotate(W1, { revokes: true });
    expect(isRefused(await rotation.catch((error: unknown) => error))).toBe(true);
    expect(gemini.asked).toEqual([]);
    expect(replica.pending).toEqual([]);
  });

  it('leaves one more rotation to recovery if its entry was taken over meanwhile', async () => {
    gemini.answer = async (request) => {
      const answer = await gemini.handle(request);
      gemini.answer = (other) => gemini.handle(other);
      await replica.forgetPending();
      await replica.rotator.rotate(W1, { revokes: true });
      return answer;
    };
    await replica.rotator.rotate(W1, { revokes: true });
    // The order of the two secrets is unknown
    expect(replica.held).toEqual(keyIds(gemini.issued[1]!));
    expect(replica.pending).toMatchObject([{ webhookId: 'w1', revokes: true }]);
    await replica.recovery.recoverPending();
    expect(replica.held).toEqual(keyIds(gemini.issued[2]!));
    expect(replica.pending).toEqual([]);
  });

  it('replaces entries that wait for recovery only with force', async () => {
    const until = Date.now() + 3_600_000;
    await replica.leave({ webhookId: 'w1', revokes: true, until, holder: '' });
    const rotation = replica.rotator.rotate(W1);
    await expect(rotation).rejects.toMatchObject({ code: 'webhook-busy' });
    gemini.failures = [refusal(429)];
    const forced = replica.rotator.rotate(W1, { force: true });
    await expect(forced).rejects.toBeInstanceOf(GeminiError);
    // The outcome of the replaced issuance is still unknown
    expect(replica.pending).toMatchObject([{ webhookId: 'w1', revokes: true }]);
    await replica.rotator.rotate(W1, { force: true });
    expect(replica.pending).toEqual([]);
    expect(replica.held).toEqual(keyIds(...gemini.issued));
  });

  it('does not create a webhook that exists, though Gemini’s list does not show it', async () => {
    await replica.rotator.create(NEW, []);
    gemini.answer = ({ method, path }) =>
      method === 'GET' && path === 'webhooks/w1'
        ? Promise.resolve(W1)
        : Promise.reject(refusal(500));
    await expect(replica.rotator.create(NEW, [])).rejects.toMatchObject({
      code: 'webhook-exists',
      extensions: { id: 'w1' },
    });
  });

  it('creates a webhook again that is gone', async () => {
    await replica.rotator.create(NEW, []);
    gemini.answer = (request) =>
      request.method === 'GET' ? Promise.reject(refusal(404)) : gemini.handle(request);
    expect(await replica.rotator.create(NEW, [])).toMatchObject({ id: 'w1' });
  });
});
