import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { webhookRegistered } from '../../../packages/testbed/src/dev-stack/static-webhook.js';
import type { StaticWebhook } from '../../../packages/gemini-emulator/src/webhooks/webhooks.js';
import { ask, nowSeconds, signedV1 } from '../../support/sender.js';
import type { Condition } from './condition.js';
import type { Stage } from './stage.js';

const HOUR_MS = 3_600_000;
/** Time after a rotation, near the end of the 24 hours in which the old secret is still valid. */
const LATER_MS = 19 * HOUR_MS;
const CLOCK = join(import.meta.dirname, '../../support/preload/clock.mjs');
/** Number of calls that fail: more than any test makes. */
const ALWAYS = 1_000_000;
const JSON_TYPE = { 'content-type': 'application/json' };
const JOBS = 3;

const BATCH = { model: 'gemini-flash', requests: [{ request: { contents: [{}] } }] };

export const WEBHOOK_CONDITIONS: readonly Condition[] = [
  {
    cause: 'Gemini cannot deliver to the webhook and disables it',
    alerts: ['GeminiBridgeWebhookDisabled'],
    async prepare(stage) {
      const { id } = await startWithDeclared(stage, 'http://127.0.0.1:1');
      const { webhooks } = stage.gemini;
      return {
        begin: () => stage.gemini.emit('batch.succeeded', { id: 'batches/1' }),
        repair: () => webhooks.update(id, { state: 'enabled' }, undefined),
      };
    },
  },
  {
    cause: 'the webhook is deleted, and a foreign webhook delivers to its URL',
    alerts: ['GeminiBridgeWebhookDrift'],
    async prepare(stage) {
      const { id, uri, subscribedEvents } = await startWithDeclared(stage);
      const { webhooks } = stage.gemini;
      const other = { name: 'other', uri, subscribed_events: subscribedEvents };
      return {
        begin: () => {
          webhooks.delete(id);
          webhooks.create(other);
        },
        repair: () => {
          for (const webhook of webhooks.all()) webhooks.delete(webhook.id);
        },
      };
    },
  },
  {
    cause: 'a key of the vault is lost',
    alerts: ['GeminiBridgeVaultTroubles'],
    async prepare(stage) {
      await startWithManaged(stage);
      const { vaultKeysFile, vaultKey } = stage.secrets;
      const other = randomBytes(32).toString('base64url');
      return {
        begin: () => writeFile(vaultKeysFile, `v2:${other}\n`),
        repair: () => writeFile(vaultKeysFile, `v2:${other}\nv1:${vaultKey}\n`),
      };
    },
  },
  {
    cause: 'Gemini rotates a secret, and its answer is lost',
    alerts: ['GeminiBridgeVaultUnsettled'],
    async prepare(stage) {
      const { internalUrl, webhook } = await startWithManaged(stage);
      return {
        begin: async () => {
          const fault = { kind: 'accept-then-status', status: 500 } as const;
          stage.gemini.fault('webhooks.rotateSigningSecret', fault, ALWAYS);
          await call(internalUrl, `/v1/webhooks/${webhook.id}/rotate`, {});
        },
        repair: () => stage.gemini.faults.clear(),
      };
    },
  },
  {
    cause: 'nineteen hours after a rotation Gemini signs only with the old secret',
    alerts: ['GeminiBridgeSecretOverlapEnds'],
    async prepare(stage) {
      const { env, internalUrl, webhook, stop } = await startWithManaged(stage, false);
      await call(internalUrl, `/v1/webhooks/${webhook.id}/rotate`, {});
      await stop();
      const [newest = '', old = ''] = webhook.secrets.live();
      const later = await stage.bridge(
        {
          ...env,
          NODE_OPTIONS: `--import=${pathToFileURL(CLOCK).href}`,
          CLOCK_SKEW_MS: String(LATER_MS),
        },
        LATER_MS,
      );
      const signed = (secrets: string[]) => () =>
        signedV1({ timestamp: nowSeconds() + LATER_MS / 1000 }, secrets);
      const traffic = stage.traffic(later, 2, signed([newest, old]));
      return { begin: () => (traffic.sign = signed([old])) };
    },
  },
  {
    cause: `Gemini does not deliver the events of ${JOBS} jobs`,
    alerts: ['GeminiBridgeEventsReconciled'],
    async prepare(stage) {
      const { env } = await stage.geminiEnv();
      const bridge = await stage.bridge({ ...env, JOB_LOOK_AFTER_SECONDS: '1' });
      await submitAndFinish(stage, bridge.internalUrl);
      return {
        begin: async () => {
          stage.gemini.options.loseEvents = 1;
          for (let n = 0; n < JOBS; n++) await submitAndFinish(stage, bridge.internalUrl);
        },
      };
    },
  },
];

/** Starts a bridge with a declared webhook, and returns it as Gemini has it. @param url to which Gemini delivers. */
async function startWithDeclared(stage: Stage, url?: string): Promise<StaticWebhook> {
  const { env } = await stage.geminiEnv();
  await stage.bridge({
    ...env,
    ...(url !== undefined && { PUBLIC_URL: url }),
    WEBHOOKS: '[{"name": "main", "events": ["batch.succeeded"]}]',
    WEBHOOKS_INTERVAL_SECONDS: '1',
    WEBHOOKS_REVIVE_MAX: '0',
  });
  await webhookRegistered(stage.gemini);
  return stage.gemini.webhooks.all()[0] as StaticWebhook;
}

interface Managed {
  readonly env: Record<string, string>;
  readonly internalUrl: string;
  readonly webhook: StaticWebhook;
  readonly stop: () => Promise<unknown>;
}

/** Starts a bridge and creates a webhook through its API. */
async function startWithManaged(stage: Stage, isWatched = true): Promise<Managed> {
  const { env, url } = await stage.geminiEnv();
  const bridge = isWatched ? await stage.bridge(env) : await stage.unwatched(env);
  const { internalUrl } = bridge;
  const uri = `${url}/webhooks/gemini`;
  await call(internalUrl, '/v1/webhooks', { name: 'main', uri });
  const webhook = stage.gemini.webhooks.all()[0] as StaticWebhook;
  return { env, internalUrl, webhook, stop: () => bridge.stop() };
}

/** Submits a job, which Gemini finishes at once. */
async function submitAndFinish(stage: Stage, internalUrl: string): Promise<void> {
  const { geminiName } = await call(internalUrl, '/v1/batches', BATCH);
  stage.gemini.finishJob(String(geminiName), 'succeeded');
}

async function call(
  internalUrl: string,
  path: string,
  body: object,
): Promise<Record<string, unknown>> {
  const init = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) };
  const { json } = await ask(internalUrl + path, init);
  return json as Record<string, unknown>;
}
