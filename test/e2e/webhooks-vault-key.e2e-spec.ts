import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { until } from '../../packages/testbed/src/until.js';
import { DECLARED, newKey, WebhooksApp } from './webhooks-app.js';

/** VAULT_KEYS_FILE is read again every two seconds. */
const LIMIT_MS = 30_000;

describe('VAULT_KEYS_FILE with a new key before the old one', () => {
  it(
    'makes the bridge seal the secrets with the new key, and the old key can be removed then',
    async () => {
      await using webhooks = await WebhooksApp.start(DECLARED);
      const { fresh } = await resealWithNewKey(webhooks);
      await write(webhooks, fresh);
      expect(webhooks.secrets.troubles).toEqual([]);
      const live = webhooks.declaredOne.secrets.live();
      expect((await webhooks.deliver(live)).status).toBe(200);
    },
    LIMIT_MS,
  );

  it(
    'is named by the readiness answer if the new key is removed, and opened secrets stay valid',
    async () => {
      await using webhooks = await WebhooksApp.start(DECLARED);
      const { old } = await resealWithNewKey(webhooks);
      await write(webhooks, old);
      expect(await webhooks.readiness()).toMatchObject({
        status: expect.any(String),
        vault: expect.stringMatching(/sealed with the key k2, which VAULT_KEYS_FILE/),
      });
      const live = webhooks.declaredOne.secrets.live();
      expect((await webhooks.deliver(live)).status).toBe(200);
    },
    LIMIT_MS,
  );
});

/** Puts a new key before the old one, and seals the declared webhook's secret with it. */
async function resealWithNewKey(
  webhooks: WebhooksApp,
): Promise<{ readonly old: string; readonly fresh: string }> {
  const { declaredOne, keys, secrets } = webhooks;
  const old = readFileSync(keys.path, 'utf8');
  const fresh = newKey('k2');
  const sealed = () => secrets.document.webhooks[declaredOne.id]?.secrets[0]?.sealed;
  const before = sealed();
  await write(webhooks, `${fresh}\n${old}`);
  await webhooks.reconcile();
  expect(sealed()).not.toBe(before);
  return { old, fresh };
}

/** Replaces VAULT_KEYS_FILE, and waits until the bridge has opened the secrets with the new keys. */
async function write({ app, keys, secrets }: WebhooksApp, text: string): Promise<void> {
  const reads = () =>
    app.log.lines.filter((line) => line.includes('"file read again"')).length;
  const before = reads();
  keys.write(text);
  await until('the bridge to read the file', () => reads() > before);
  await secrets.refresh();
}
