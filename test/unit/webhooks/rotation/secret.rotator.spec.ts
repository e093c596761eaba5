import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import type { Config } from '../../../../src/config/config.js';
import { GeminiError } from '../../../../src/gemini/gemini.error.js';
import type { GeminiRequest } from '../../../../src/gemini/gemini-request.js';
import { FileSecretsStore } from '../../../../src/signing-secrets/stores/file.secrets-store.js';
import { SigningSecrets } from '../../../../src/signing-secrets/signing-secrets.js';
import {
  withPendingIssuance,
  type PendingIssuance,
} from '../../../../src/signing-secrets/secrets-document.js';
import { SecretsUnavailableError } from '../../../../src/signing-secrets/secrets-store.js';
import { parseSecret } from '../../../../src/signing-secrets/webhook-secret.js';
import { GeminiWebhooks } from '../../../../src/webhooks/gemini/gemini-webhooks.client.js';
import { SecretRotator } from '../../../../src/webhooks/rotation/secret.rotator.js';
import { FakeGemini } from '../../../support/fake-gemini.js';
import { temporaryFile, type TemporaryFile } from '../../../support/temporary-file.js';

const NEW = { name: 'main', uri: 'https://bridge.example/webhooks/gemini' };
const W1 = { id: 'w1', ...NEW };
const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const silence = () => new GeminiError('Gemini did not answer', 'unknown');
const refusal = (status: number) =>
  new GeminiError(`Gemini answered ${status}`, 'refused', { status });

let gemini: FakeGemini;
let keys: TemporaryFile;
let folder: string;
let vault: SigningSecrets;
let issuer: SecretRotator;
/** What Gemini has issued, oldest first. */
let issued: string[];
/** What it says instead, once. */
let failures: Error[];
/** It has done it all the same. */
let hasDone: boolean;
let webhooks: { id: string; name: string; uri: string }[];

beforeAll(() => Logger.overrideLogger(false));

beforeEach(async () => {
  gemini = new FakeGemini();
  gemini.answer = (request) => answerTo(request);
  keys = temporaryFile(`k1:${randomBytes(32).toString('base64url')}`);
  folder = mkdtempSync(join(tmpdir(), 'bridge-issuer-'));
  [issued, failures, webhooks, hasDone] = [[], [], [], false];
  vault = await openVault();
  issuer = new SecretRotator(new GeminiWebhooks(gemini), vault);
});

afterEach(() => {
  vault.onApplicationShutdown();
  keys[Symbol.dispose]();
  rmSync(folder, { recursive: true });
  jest.restoreAllMocks();
});

async function openVault(): Promise<SigningSecrets> {
  const store = new FileSecretsStore(join(folder, 'vault'));
  const opened = new SigningSecrets(store, {
    vault: { keysFile: keys.path },
    webhooks: {},
  } as Config);
  await opened.onApplicationBootstrap();
  return opened;
}

function answerTo({ method, path }: GeminiRequest): Promise<unknown> {
  const failure = failures.shift();
  if (failure && !hasDone) return Promise.reject(failure);
  if (method === 'GET') return Promise.resolve({ webhooks });
  const secret = newSecret();
  issued.push(secret);
  if (path === 'webhooks') webhooks.push({ id: 'w1', ...NEW });
  if (failure) return Promise.reject(failure);
  return Promise.resolve(
    path === 'webhooks' ? { id: 'w1', ...NEW, new_signing_secret: secret } : { secret },
  );
}

const held = () => vault.live(Date.now()).map(({ keyId }) => keyId);
const ids = (...secrets: string[]) => secrets.map((secret) => parseSecret(secret).keyId);

/** As one whose process died leaves it. */
async function leave(more: Partial<PendingIssuance>): Promise<void> {
  const past = Date.now() - 200_000;
  const entry = {
    id: 'left',
    revokes: false,
    since: past,
    until: past,
    holder: 'dead',
    tries: 0,
  };
  await vault.updateDocument((given) =>
    withPendingIssuance(given, { ...entry, ...more }),
  );
}

describe('SecretRotator', () => {
  it('has the secret of a new webhook in the vault when it is created', async () => {
    expect(await issuer.create(NEW, [])).toMatchObject({ id: 'w1', ...NEW });
    expect(held()).toEqual(ids(...issued));
    expect(vault.document.unsettled.length > 0).toBe(false);
  });

  it('says in the vault what it is about to do before it asks Gemini', async () => {
    const seen: unknown[] = [];
    gemini.answer = async (request) => {
      seen.push((await openedDocument()).unsettled);
      return answerTo(request);
    };
    await issuer.rotate(W1, { revokes: true });
    expect(seen).toMatchObject([[{ webhookId: 'w1', revokes: true }]]);
    expect((await openedDocument()).unsettled).toEqual([]);
  });

  it('keeps the old secret for the day that Gemini does, or not at all', async () => {
    await issuer.create(NEW, []);
    await issuer.rotate(W1);
    expect(held()).toEqual(ids(issued[1]!, issued[0]!));
    await issuer.rotate(W1, { revokes: true });
    expect(held()).toEqual(ids(issued[2]!));
    expect(gemini.asked.at(-1)?.body).toEqual({
      revocation_behavior: 'revoke_previous_secrets_immediately',
    });
  });

  it('leaves nothing behind when Gemini refuses', async () => {
    failures = [refusal(400)];
    await expect(issuer.rotate(W1, { revokes: true })).rejects.toBeInstanceOf(
      GeminiError,
    );
    expect(vault.document.unsettled.length > 0).toBe(false);
  });

  it('does not do the same twice at a time', async () => {
    gemini.answer = async (request) => {
      const second = issuer.rotate(W1);
      await expect(second).rejects.toMatchObject({ status: 409, code: 'webhook-busy' });
      return answerTo(request);
    };
    await issuer.rotate(W1);
    expect(issued).toHaveLength(1);
  });

  it('rotates again what Gemini did not answer, once it is time', async () => {
    failures = [silence()];
    hasDone = true;
    await expect(issuer.rotate(W1, { revokes: true })).rejects.toBeInstanceOf(
      GeminiError,
    );
    expect(vault.document.unsettled.length > 0).toBe(true);
    await issuer.recoverPending();
    expect(issued).toHaveLength(1); // whoever asked may still be at it
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 20_000);
    await issuer.recoverPending();
    expect(held()).toEqual(ids(issued[1]!));
    expect(vault.document.unsettled.length > 0).toBe(false);
  });

  it('rotates again where somebody died between the answer and the vault', async () => {
    await leave({ webhookId: 'w1', revokes: true });
    await issuer.recoverPending();
    expect(held()).toEqual(ids(issued[0]!));
    expect(gemini.asked[0]?.body).toEqual({
      revocation_behavior: 'revoke_previous_secrets_immediately',
    });
  });

  it('finds a webhook that was created and not noted, and learns another secret of it', async () => {
    webhooks.push(
      { id: 'w0', name: 'other', uri: 'https://other' },
      { id: 'w1', ...NEW },
    );
    await leave(NEW);
    await issuer.recoverPending();
    expect(gemini.asked.map(({ path }) => path)).toEqual([
      'webhooks',
      'webhooks/w1:rotateSigningSecret',
    ]);
    expect(held()).toEqual(ids(issued[0]!));
  });

  it('forgets a creation that did not come about, when it must have shown up', async () => {
    await leave({ ...NEW, since: Date.now() - 60_000 });
    await issuer.recoverPending();
    expect(vault.document.unsettled.length > 0).toBe(true);
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 700_000);
    await issuer.recoverPending();
    expect(vault.document.unsettled.length > 0).toBe(false);
    expect(issued).toEqual([]);
  });

  it.each([
    [429, true],
    [404, false],
  ])('goes on settling when Gemini answers %i: %p', async (status, isUnsettled) => {
    await leave({ webhookId: 'w1' });
    failures = [refusal(status), refusal(status)];
    await issuer.recoverPending();
    expect(vault.document.unsettled.length > 0).toBe(isUnsettled);
  });

  it('settles what one left, and not what another is at', async () => {
    await leave({ webhookId: 'w1', until: Date.now() + 5000 });
    await issuer.recoverPending();
    expect(gemini.asked).toEqual([]);
    await leave({ webhookId: 'w1' });
    const other = await openVault();
    const second = new SecretRotator(new GeminiWebhooks(gemini), other);
    await Promise.all([issuer.recoverPending(), second.recoverPending()]);
    other.onApplicationShutdown();
    expect(issued).toHaveLength(1);
  });

  it('writes the vault again until it answers', async () => {
    const change = vault.updateDocument.bind(vault);
    let calls = 0;
    jest.spyOn(vault, 'updateDocument').mockImplementation(async (given) => {
      const changed = await change(given);
      // Done, and not answered
      if (++calls === 2) throw new SecretsUnavailableError('silence');
      return changed;
    });
    await issuer.rotate(W1);
    expect(calls).toBe(3);
    expect(held()).toEqual(ids(issued[0]!));
  });

  it('asks nothing when it was held up after it said what it is about to do', async () => {
    const change = vault.updateDocument.bind(vault);
    jest.spyOn(vault, 'updateDocument').mockImplementationOnce(async (given) => {
      const changed = await change(given);
      jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 60_000);
      return changed;
    });
    await expect(issuer.rotate(W1, { revokes: true })).rejects.toMatchObject({
      outcome: 'refused',
    });
    expect(gemini.asked).toEqual([]);
    expect(vault.document.unsettled.length > 0).toBe(false);
  });

  it('has one more rotation decide when somebody settled it meanwhile', async () => {
    gemini.answer = async (request) => {
      const answer = await answerTo(request);
      if (issued.length === 1) {
        await vault.updateDocument((given) => ({ ...given, unsettled: [] }));
        await issuer.rotate(W1, { revokes: true });
      }
      return answer;
    };
    await issuer.rotate(W1, { revokes: true });
    // Which of the two is the newer one, and whether the other is revoked, nobody knows
    expect(held()).toEqual(ids(issued[1]!));
    expect(vault.document.unsettled.length > 0).toBe(true);
    gemini.answer = (request) => answerTo(request);
    await issuer.recoverPending();
    expect(held()).toEqual(ids(issued[2]!));
    expect(vault.document.unsettled.length > 0).toBe(false);
  });

  it('does not bring back a revoked secret by a write that is repeated', async () => {
    const change = vault.updateDocument.bind(vault);
    let calls = 0;
    jest.spyOn(vault, 'updateDocument').mockImplementation(async (given) => {
      const changed = await change(given);
      if (++calls !== 2) return changed;
      // Done, not answered, and until it is repeated somebody revokes it
      const added = await vault.seal(newSecret(), 'w1', Date.now());
      await change((now) => ({ ...now, webhooks: { w1: { secrets: [added] } } }));
      throw new SecretsUnavailableError('silence');
    });
    await issuer.rotate(W1);
    expect(held()).not.toContain(ids(issued[0]!)[0]);
    expect(vault.document.unsettled.length > 0).toBe(true);
  });

  it('tries ever more rarely, and not before Gemini wants it', async () => {
    await leave({ webhookId: 'w1' });
    const start = Date.now();
    const clock = jest.spyOn(Date, 'now');
    for (let minute = 0; minute < 60 * 24; minute++) {
      clock.mockReturnValue(start + minute * 60_000);
      failures = [silence()];
      hasDone = true;
      await issuer.recoverPending();
    }
    expect(issued.length).toBeGreaterThan(10);
    expect(issued.length).toBeLessThan(40);
    clock.mockRestore();
    await vault.updateDocument((given) => ({ ...given, unsettled: [] }));
    await leave({ webhookId: 'w1' });
    hasDone = false;
    failures = [
      new GeminiError('no', 'refused', { status: 429, retryAfterSeconds: 600 }),
    ];
    await issuer.recoverPending();
    expect(vault.document.unsettled[0]?.until).toBeGreaterThan(Date.now() + 590_000);
  });

  it('settles at once what waits, when it is told to with force', async () => {
    await leave({
      webhookId: 'w1',
      revokes: true,
      until: Date.now() + 3_600_000,
      holder: '',
    });
    await expect(issuer.rotate(W1)).rejects.toMatchObject({
      code: 'webhook-busy',
    });
    failures = [refusal(429)];
    await expect(issuer.rotate(W1, { force: true })).rejects.toBeInstanceOf(GeminiError);
    expect(vault.document.unsettled.length > 0).toBe(true); // whether it was revoked is as unknown as before
    expect(vault.document.unsettled).toMatchObject([{ revokes: true }]);
    await issuer.rotate(W1, { force: true });
    expect(vault.document.unsettled.length > 0).toBe(false);
    expect(held()).toEqual(ids(...issued));
  });

  it('does not take a webhook for its own that was there before', async () => {
    webhooks.push({ id: 'w0', ...NEW });
    await leave({ ...NEW, before: ['w0'], since: Date.now() - 60_000 });
    await issuer.recoverPending();
    expect(issued).toEqual([]);
    expect(vault.document.unsettled.length > 0).toBe(true);
  });

  it('goes on settling a creation although the list is not to be had', async () => {
    await leave(NEW);
    failures = [refusal(404)];
    await issuer.recoverPending();
    expect(vault.document.unsettled.length > 0).toBe(true);
  });

  it('creates nothing where it has just created something that the list does not have', async () => {
    await issuer.create(NEW, []);
    gemini.answer = ({ method, path }) =>
      method === 'GET' && path === 'webhooks/w1'
        ? Promise.resolve({ id: 'w1', ...NEW })
        : Promise.reject(refusal(500));
    await expect(issuer.create(NEW, [])).rejects.toMatchObject({
      code: 'webhook-exists',
      extensions: { id: 'w1' },
    });
    // Unless it is gone again
    gemini.answer = (request) =>
      request.method === 'GET' ? Promise.reject(refusal(404)) : answerTo(request);
    expect(await issuer.create(NEW, [])).toMatchObject({ id: 'w1' });
  });
});

async function openedDocument() {
  const other = await openVault();
  other.onApplicationShutdown();
  return other.document;
}
