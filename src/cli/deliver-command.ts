import { setTimeout as sleep } from 'node:timers/promises';
import type { WebhookSecret } from '../signing-secrets/webhook-secret.js';
import { adviceOn, outcomeText } from './deliver/delivery-advice.js';
import {
  postWithRetries,
  type Outcome,
  type RetryLimits,
} from './deliver/post-with-retries.js';
import {
  syntheticDeliveries,
  syntheticId,
  type SyntheticDelivery,
} from './deliver/synthetic-deliveries.js';
import type { Report, Terminal } from './terminal.js';
import { withVerificationTools, type VerificationTools } from './verification-tools.js';

export interface DeliverOptions {
  /** Without a trailing slash. */
  readonly url: string;
  /** Seconds, for all deliveries together. */
  readonly wait: number;
  /** Seconds, for each answer. */
  readonly timeout: number;
}

interface Result {
  readonly name: SyntheticDelivery['name'];
  readonly ok: boolean;
  readonly outcome: Outcome;
  readonly tries: number;
}

const RELOAD_MS = 500;
const SECRET_MISSING =
  'look at: WEBHOOKS declares webhooks, and the vault has no secret of them: `webhooks list`, and the log of the bridge';
const NO_SECRET =
  'this environment has no static secret (WEBHOOK_SECRETS, WEBHOOK_SECRETS_FILE, the vault): only forgeries were sent';

/** Checks that a bridge publishes a signed delivery, recognises its duplicate, and refuses forgeries. */
export async function deliverSynthetic(
  env: Terminal['env'],
  { url, wait, timeout }: DeliverOptions,
): Promise<Report> {
  const limits = {
    timeoutMs: timeout * 1000,
    deadline: performance.now() + wait * 1000,
  };
  const isExpected = isSecretExpected(env);
  const secret = await withVerificationTools(env, (tools) =>
    secretOf(tools, isExpected, limits.deadline),
  );
  const webhookId = syntheticId();
  const results = await sendAll(url, syntheticDeliveries(secret, webhookId), limits);
  const failed = results.find(({ ok }) => !ok);
  const missing = isExpected && !secret ? SECRET_MISSING : undefined;
  const advice = failed ? adviceOn(failed.name, failed.outcome, url) : missing;
  const ok = advice === undefined;
  return {
    json: {
      ok,
      webhookId: secret ? webhookId : undefined,
      deliveries: results.map(({ outcome, ...result }) => ({ ...result, ...outcome })),
      advice,
    },
    lines: [
      ...results.map(lineOf),
      ...(secret ? [] : [NO_SECRET]),
      ...(advice === undefined ? [] : [advice]),
    ],
    ok,
  };
}

/** True where the bridge registers webhooks itself, so that their secrets come into the vault. */
function isSecretExpected(env: Terminal['env']): boolean {
  const { WEBHOOKS, WEBHOOKS_MODE, VAULT_KEYS_FILE } = env;
  return Boolean(WEBHOOKS && VAULT_KEYS_FILE) && (WEBHOOKS_MODE || 'ensure') === 'ensure';
}

/** Waits for an expected secret: a bridge that has just started may not have registered its webhooks yet. */
async function secretOf(
  { verifier, signingSecrets }: VerificationTools,
  isExpected: boolean,
  deadline: number,
): Promise<WebhookSecret | undefined> {
  for (;;) {
    const secret = verifier.signingSecret(Date.now());
    if (secret || !isExpected || performance.now() > deadline) return secret;
    await sleep(RELOAD_MS);
    await signingSecrets.load();
  }
}

/** Ends with the first wrong answer: those to later deliveries would have the same cause. */
async function sendAll(
  url: string,
  deliveries: readonly SyntheticDelivery[],
  limits: RetryLimits,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const delivery of deliveries) {
    const result = await send(url, delivery, limits);
    results.push(result);
    if (!result.ok) break;
  }
  return results;
}

async function send(
  url: string,
  { name, path, wanted, make }: SyntheticDelivery,
  limits: RetryLimits,
): Promise<Result> {
  const { outcome, tries } = await postWithRetries(`${url}${path}`, make, limits);
  const { status, reason } = 'status' in outcome ? outcome : {};
  // A try without an answer in time may have been published.
  const wasLate = name === 'signed' && tries > 1 && reason === 'duplicate';
  const ok = status === wanted.status && (reason === wanted.reason || wasLate);
  return { name, ok, outcome, tries };
}

function lineOf({ name, ok, outcome, tries }: Result): string {
  const times = tries > 1 ? `, after ${tries} tries` : '';
  return `${name}: ${outcomeText(outcome)}${times}${ok ? '' : ' (wrong)'}`;
}
