import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load-config.js';
import { GeminiClient } from '../gemini/gemini.client.js';
import { createRegistry } from '../jobs/job-registry.module.js';
import { RedisJobRegistry } from '../jobs/registry/redis.job-registry.js';
import type { SigningSecrets } from '../signing-secrets/signing-secrets.js';
import { createSigningSecrets } from '../signing-secrets/signing-secrets.module.js';
import { GeminiWebhooks } from '../webhooks/gemini/gemini-webhooks.client.js';
import { SecretAgeRotation } from '../webhooks/rotation/secret-age.rotation.js';
import { SecretRotator } from '../webhooks/rotation/secret.rotator.js';
import type { WebhookView } from '../webhooks/webhook-view.js';
import { WebhookReconciler } from '../webhooks/webhook.reconciler.js';
import { WebhookRepair } from '../webhooks/reconciliation/webhook-repair.js';
import { WebhookService } from '../webhooks/webhook.service.js';
import { table, type Report } from './terminal.js';

export interface RotateOptions {
  readonly immediately?: boolean;
  readonly force?: boolean;
}

interface Webhooks {
  readonly config: Config;
  readonly service: WebhookService;
  readonly issuer: SecretRotator;
  readonly webhooks: GeminiWebhooks;
  readonly vault: SigningSecrets;
}

const PAGE = 1000;

export function listWebhooks(env: NodeJS.ProcessEnv): Promise<Report> {
  return administering(env, async ({ service }) => {
    const found: WebhookView[] = [];
    let cursor: string | undefined;
    do {
      const page = await service.list(cursor, PAGE);
      found.push(...page.webhooks);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    const lines =
      found.length === 0 ? ['the project has no static webhooks'] : linesOf(found);
    return { json: { webhooks: found }, lines };
  });
}

/** Mends whatever the mode is, and without the keeper's patience: that is what it is called for. */
export function ensureWebhooks(env: NodeJS.ProcessEnv): Promise<Report> {
  return administering(env, async ({ issuer, webhooks, vault, ...bridge }) => {
    bridge.service.assertManaging();
    const config = ensuring(bridge.config);
    const registry = createRegistry(config);
    try {
      const keeper = new WebhookReconciler(
        webhooks,
        new WebhookRepair(webhooks, issuer, vault, config),
        new SecretAgeRotation(issuer, vault, config),
        vault,
        registry,
        config,
      );
      const seen = await keeper.reconcile({ force: true });
      const drifted = seen.filter(({ drift }) => drift.length > 0);
      const rows = seen.map(({ name, state, drift }) => [
        name,
        state,
        drift.length === 0 ? 'as declared' : drift.join('; '),
      ]);
      return {
        json: { ok: drifted.length === 0, webhooks: seen },
        lines: rows.length === 0 ? ['WEBHOOKS declares none'] : table(rows),
        ok: drifted.length === 0,
      };
    } finally {
      if (registry instanceof RedisJobRegistry) registry.onApplicationShutdown();
    }
  });
}

export function rotateWebhook(
  env: NodeJS.ProcessEnv,
  id: string,
  { immediately: revokes = false, force = false }: RotateOptions,
): Promise<Report> {
  return administering(env, async ({ service }) => {
    const webhook = await service.rotate(id, { revokes, force });
    return { json: webhook, lines: ['rotated', ...linesOf([webhook])] };
  });
}

export function pingWebhook(env: NodeJS.ProcessEnv, id: string): Promise<Report> {
  return administering(env, async ({ service }) => {
    await service.ping(id);
    return { json: { ok: true }, lines: ['Gemini sends a ping, in its own time'] };
  });
}

export function forgetWebhook(env: NodeJS.ProcessEnv, id: string): Promise<Report> {
  return administering(env, async ({ service }) => {
    await service.forget(id);
    return { json: { ok: true }, lines: ['the vault has nothing of it any more'] };
  });
}

/** As the bridge itself does it: with its key, and its vault. */
async function administering(
  env: NodeJS.ProcessEnv,
  work: (webhooks: Webhooks) => Promise<Report>,
): Promise<Report> {
  const config = loadConfig(env);
  const vault = createSigningSecrets(config);
  const webhooks = new GeminiWebhooks(new GeminiClient(config));
  const issuer = new SecretRotator(webhooks, vault);
  const service = new WebhookService(webhooks, issuer, vault);
  try {
    await vault.load();
    return await work({ config, service, issuer, webhooks, vault });
  } finally {
    vault.onApplicationShutdown();
  }
}

function ensuring(config: Config): Config {
  return { ...config, webhooks: { ...config.webhooks, mode: 'ensure' } };
}

function linesOf(webhooks: readonly WebhookView[]): string[] {
  return webhooks.flatMap(({ id, name, uri, subscribedEvents, state, secrets }) => [
    `${id}  ${state}  ${name}`,
    `  ${uri}`,
    `  ${subscribedEvents.join(', ')}`,
    ...secrets.map(({ truncated, keyId, expiresAt, lastUsedAt }) =>
      [
        `  ${truncated}`,
        keyId === undefined ? 'not in the vault' : `key id ${keyId}`,
        expiresAt === undefined ? 'newest' : `until ${expiresAt}`,
        lastUsedAt === undefined ? 'not used yet' : `last used ${lastUsedAt}`,
      ].join('  '),
    ),
  ]);
}
