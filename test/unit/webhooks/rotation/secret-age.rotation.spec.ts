import { Logger } from '@nestjs/common';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { WebhooksConfig } from '../../../../src/config/config.js';
import { withSecret } from '../../../../src/signing-secrets/secrets-document.js';
import type { GeminiWebhook } from '../../../../src/webhooks/gemini/gemini-webhook.js';
import { SecretAgeRotation } from '../../../../src/webhooks/rotation/secret-age.rotation.js';
import { IssuingGemini, newSecret } from '../../../support/issuing-gemini.js';
import { MemorySecretsStore } from '../../../support/memory.secrets-store.js';
import type { TemporaryFile } from '../../../support/temporary-file.js';
import { NEW, refusal, Replica, vaultKeys } from './replica.js';

const DAY_MS = 24 * 3_600_000;

let gemini: IssuingGemini;
let keys: TemporaryFile;
let replica: Replica;

beforeAll(() => Logger.overrideLogger(false));

beforeEach(async () => {
  gemini = new IssuingGemini();
  keys = vaultKeys();
  replica = await Replica.start(new MemorySecretsStore(), keys, gemini);
});

afterEach(() => {
  replica.stop();
  keys[Symbol.dispose]();
});

/** A webhook whose newest secret was stored so many days ago. */
async function webhookOfAge(
  id: string,
  days: number,
  olderEndsAt?: number,
): Promise<GeminiWebhook> {
  const { signingSecrets } = replica;
  const issuedAt = Date.now() - days * DAY_MS;
  const secret = await signingSecrets.seal(newSecret(), id, issuedAt);
  await signingSecrets.updateDocument((document) =>
    withSecret(document, id, secret, false),
  );
  return {
    id,
    ...NEW,
    subscribedEvents: [],
    state: 'enabled',
    secrets: [
      { truncated: 'whsec_...aaaa', expiresAt: undefined },
      { truncated: 'whsec_...bbbb', expiresAt: olderEndsAt },
    ],
  };
}

async function rotate(everyDays: number, ...all: GeminiWebhook[]): Promise<void> {
  const config = { rotateEveryMs: everyDays * DAY_MS } as WebhooksConfig;
  const rotation = new SecretAgeRotation(replica.rotator, replica.signingSecrets, config);
  await rotation.rotateOldSecrets(all);
}

const rotated = () => gemini.asked.map(({ path }) => path.split(/[/:]/)[1]);

describe('SecretAgeRotation', () => {
  it('rotates webhooks whose newest secret is old', async () => {
    await rotate(30, await webhookOfAge('w1', 30), await webhookOfAge('w2', 29));
    expect(rotated()).toEqual(['w1']);
  });

  it('rotates nothing without ROTATE_EVERY_DAYS', async () => {
    await rotate(0, await webhookOfAge('w1', 3000));
    expect(rotated()).toEqual([]);
  });

  it('waits while an older secret is valid', async () => {
    await rotate(30, await webhookOfAge('w1', 31, Date.now() + 1000));
    expect(rotated()).toEqual([]);
    await rotate(30, await webhookOfAge('w1', 31, Date.now() - 1));
    expect(rotated()).toEqual(['w1']);
  });

  it('does not rotate a webhook without a stored secret', async () => {
    const { id: _, ...fields } = await webhookOfAge('w1', 31);
    await rotate(30, { id: 'unknown', ...fields });
    expect(rotated()).toEqual([]);
  });

  it('goes on with the next webhook after a failure', async () => {
    gemini.failures = [refusal(500)];
    await rotate(30, await webhookOfAge('w1', 31), await webhookOfAge('w2', 31));
    expect(rotated()).toEqual(['w1', 'w2']);
    expect(gemini.issued).toHaveLength(1);
  });
});
