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
import { IssuingGemini } from '../../../support/issuing-gemini.js';
import { MemorySecretsStore } from '../../../support/memory.secrets-store.js';
import type { TemporaryFile } from '../../../support/temporary-file.js';
import { keyIds, NEW, noAnswer, refusal, Replica, vaultKeys, W1 } from './replica.js';

let gemini: IssuingGemini;
let store: MemorySecretsStore;
let keys: TemporaryFile;
let replica: Replica;

const recover = () => replica.recovery.recoverPending();

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

describe('the recovery of a rotation', () => {
  it('rotates again after the lease of one that Gemini did not answer', async () => {
    gemini.failures = [noAnswer()];
    gemini.isDoneThough = true;
    await replica.rotator.rotate(W1, { revokes: true }).catch(() => undefined);
    await recover();
    expect(gemini.issued).toHaveLength(1);
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 20_000);
    await recover();
    expect(replica.held).toEqual(keyIds(gemini.issued[1]!));
    expect(replica.pending).toEqual([]);
  });

  it('rotates again after a replica died before it stored the secret', async () => {
    await replica.leave({ webhookId: 'w1', revokes: true });
    await recover();
    expect(replica.held).toEqual(keyIds(gemini.issued[0]!));
    expect(gemini.asked[0]?.body).toEqual({
      revocation_behavior: 'revoke_previous_secrets_immediately',
    });
  });

  it.each([
    [429, 1],
    [404, 0],
  ])('that Gemini answers with %i leaves %i entries', async (status, entries) => {
    await replica.leave({ webhookId: 'w1' });
    gemini.failures = [refusal(status), refusal(status)];
    await recover();
    expect(replica.pending).toHaveLength(entries);
  });

  it('leaves an entry to the replica that has its lease', async () => {
    await replica.leave({ webhookId: 'w1', until: Date.now() + 5000 });
    await recover();
    expect(gemini.asked).toEqual([]);
  });

  it('is done by one of two replicas', async () => {
    await replica.leave({ webhookId: 'w1' });
    const other = await Replica.start(store, keys, gemini);
    await Promise.all([recover(), other.recovery.recoverPending()]);
    other.stop();
    expect(gemini.issued).toHaveLength(1);
  });

  it('is repeated with growing pauses', async () => {
    await replica.leave({ webhookId: 'w1' });
    const start = Date.now();
    const clock = jest.spyOn(Date, 'now');
    gemini.isDoneThough = true;
    for (let minute = 0; minute < 60 * 24; minute++) {
      clock.mockReturnValue(start + minute * 60_000);
      gemini.failures = [noAnswer()];
      await recover();
    }
    expect(gemini.issued.length).toBeGreaterThan(10);
    expect(gemini.issued.length).toBeLessThan(40);
  });

  it('waits for as long as Gemini’s Retry-After', async () => {
    await replica.leave({ webhookId: 'w1' });
    gemini.failures = [refusal(429, 600)];
    await recover();
    expect(replica.pending[0]?.until).toBeGreaterThan(Date.now() + 590_000);
  });
});

describe('the recovery of a creation', () => {
  it('finds the webhook in Gemini’s list and rotates it', async () => {
    gemini.webhooks.push({ id: 'w0', name: 'other', uri: 'https://other' }, W1);
    await replica.leave(NEW);
    await recover();
    expect(gemini.asked.map(({ path }) => path)).toEqual([
      'webhooks',
      'webhooks/w1:rotateSigningSecret',
    ]);
    expect(replica.held).toEqual(keyIds(gemini.issued[0]!));
  });

  it('does not take a webhook that existed before', async () => {
    gemini.webhooks.push({ ...W1, id: 'w0' });
    await replica.leave({ ...NEW, before: ['w0'], since: Date.now() - 60_000 });
    await recover();
    expect(gemini.issued).toEqual([]);
    expect(replica.pending).toHaveLength(1);
  });

  it('ends once Gemini’s list would show the webhook', async () => {
    await replica.leave({ ...NEW, since: Date.now() - 60_000 });
    await recover();
    expect(replica.pending).toHaveLength(1);
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 700_000);
    await recover();
    expect(replica.pending).toEqual([]);
    expect(gemini.issued).toEqual([]);
  });

  it('goes on when Gemini’s list cannot be read', async () => {
    await replica.leave(NEW);
    gemini.failures = [refusal(404)];
    await recover();
    expect(replica.pending).toHaveLength(1);
  });
});
