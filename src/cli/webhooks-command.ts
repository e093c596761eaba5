import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load-config.js';
import { SigningSecrets } from '../signing-secrets/signing-secrets.js';
import { WebhookAdministrationModule } from '../webhooks/webhook-administration.module.js';
import type { WebhookView } from '../webhooks/webhook-view.js';
import { WebhookReconciler } from '../webhooks/webhook.reconciler.js';
import { WebhookService } from '../webhooks/webhook.service.js';
import { withModule, type Provided } from './application-context.js';
import { table, type Report } from './terminal.js';

export interface RotateOptions {
  readonly immediately?: boolean;
  readonly force?: boolean;
}

const PAGE_SIZE = 1000;

export function listWebhooks(env: NodeJS.ProcessEnv): Promise<Report> {
  return administer(loadConfig(env), async (provided) => {
    const service = provided(WebhookService);
    const found: WebhookView[] = [];
    let cursor: string | undefined;
    do {
      const page = await service.list(cursor, PAGE_SIZE);
      found.push(...page.webhooks);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    const lines =
      found.length === 0 ? ['the project has no static webhooks'] : linesOf(found);
    return { json: { webhooks: found }, lines };
  });
}

/** Repairs with any `WEBHOOKS_MODE`, and without waiting as the bridge does after a failed repair. */
export function ensureWebhooks(env: NodeJS.ProcessEnv): Promise<Report> {
  const config = loadConfig(env);
  const ensuring = {
    ...config,
    webhooks: { ...config.webhooks, mode: 'ensure' as const },
  };
  return administer(ensuring, async (provided) => {
    provided(WebhookService).assertManaging();
    const webhooks = await provided(WebhookReconciler).reconcile({ force: true });
    const ok = webhooks.every(({ drift }) => drift.length === 0);
    const rows = webhooks.map(({ name, state, drift }) => [
      name,
      state,
      drift.length === 0 ? 'as declared' : drift.join('; '),
    ]);
    return {
      json: { ok, webhooks },
      lines: rows.length === 0 ? ['WEBHOOKS declares none'] : table(rows),
      ok,
    };
  });
}

export function rotateWebhook(
  env: NodeJS.ProcessEnv,
  id: string,
  { immediately: revokes = false, force = false }: RotateOptions,
): Promise<Report> {
  return administer(loadConfig(env), async (provided) => {
    const webhook = await provided(WebhookService).rotate(id, { revokes, force });
    return { json: webhook, lines: ['rotated', ...linesOf([webhook])] };
  });
}

export function pingWebhook(env: NodeJS.ProcessEnv, id: string): Promise<Report> {
  return administer(loadConfig(env), async (provided) => {
    await provided(WebhookService).ping(id);
    return { json: { ok: true }, lines: ['Gemini will send a ping'] };
  });
}

export function forgetWebhook(env: NodeJS.ProcessEnv, id: string): Promise<Report> {
  return administer(loadConfig(env), async (provided) => {
    await provided(WebhookService).forget(id);
    return { json: { ok: true }, lines: ['the vault has no entry of it any more'] };
  });
}

/** @throws {SecretsUnavailableError} for a store of secrets that cannot be read. */
function administer(
  config: Config,
  work: (provided: Provided) => Promise<Report>,
): Promise<Report> {
  return withModule(config, WebhookAdministrationModule, async (provided) => {
    await provided(SigningSecrets).load();
    return work(provided);
  });
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
