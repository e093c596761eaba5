import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { jobPath, STATIC_ROUTE } from '../events/webhook-routes.js';
import type { WebhookSecret } from '../signing-secrets/webhook-secret.js';
import { adviceOn, wordsFor } from './deliver/delivery-advice.js';
import {
  postWithRetries,
  type Outcome,
  type RetryLimits,
  type Sending,
} from './deliver/posting.js';
import { withVerificationTools, type VerificationTools } from './verification-tools.js';
import type { Report, Terminal } from './terminal.js';

export interface DeliverOptions {
  /** Without a slash at the end. */
  readonly url: string;
  /** Seconds, for all deliveries together. */
  readonly wait: number;
  /** Seconds, for each answer. */
  readonly timeout: number;
}

/** One delivery, and the only answer with which all is well. */
interface Step {
  readonly name: string;
  readonly path: string;
  readonly wanted: { readonly status: number; readonly says: string };
  readonly make: () => Sending;
}

interface Result {
  readonly name: string;
  readonly ok: boolean;
  readonly outcome: Outcome;
  readonly tries: number;
}

/** Nobody's: no key of the bridge's signed it. */
const STRANGE_TOKEN = 'nobody';
const LOOK_MS = 500;
const SECRET_MISSING =
  'look at: WEBHOOKS declares webhooks, and the vault has no secret of theirs: `webhooks list`, and the log of the bridge';
const NO_SECRET =
  'there is no static secret here (WEBHOOK_SECRETS, WEBHOOK_SECRETS_FILE, the vault): only forgeries were sent';

/** Whether a bridge takes what is signed, knows it again, and refuses what is forged. */
export async function deliverSynthetic(
  env: Terminal['env'],
  { url, wait, timeout }: DeliverOptions,
): Promise<Report> {
  const patience = {
    timeoutMs: timeout * 1000,
    deadline: performance.now() + wait * 1000,
  };
  const isDue = isSecretDue(env);
  const secret = await withVerificationTools(env, (tools) =>
    secretOf(tools, isDue, patience.deadline),
  );
  const webhookId = `msg_synthetic_${randomUUID()}`;
  const results: Result[] = [];
  for (const step of stepsFor(secret, webhookId)) {
    const result = await taken(url, step, patience);
    results.push(result);
    if (!result.ok) break; // what comes next would fail for the same reason, or mean nothing
  }
  const failed = results.find(({ ok }) => !ok);
  const missing = isDue && !secret ? SECRET_MISSING : undefined;
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

/** Whether the bridge registers webhooks of its own, whose secrets come into the vault. */
function isSecretDue(env: Terminal['env']): boolean {
  const { WEBHOOKS, WEBHOOKS_MODE, VAULT_KEYS_FILE } = env;
  return Boolean(WEBHOOKS && VAULT_KEYS_FILE) && (WEBHOOKS_MODE || 'ensure') === 'ensure';
}

/** A bridge that has only just started may not have registered its webhooks yet. */
async function secretOf(
  { verifier, signingSecrets }: VerificationTools,
  isDue: boolean,
  deadline: number,
): Promise<WebhookSecret | undefined> {
  for (;;) {
    const secret = verifier.signingSecret(Date.now());
    if (secret || !isDue || performance.now() > deadline) return secret;
    await sleep(LOOK_MS);
    await signingSecrets.load();
  }
}

function stepsFor(secret: WebhookSecret | undefined, webhookId: string): Step[] {
  const stranger: WebhookSecret = { key: randomBytes(32), keyId: '' };
  const forge = () => signedNow(`msg_synthetic_${randomUUID()}`, stranger);
  const forgeries: Step[] = [
    {
      name: 'forged',
      path: STATIC_ROUTE,
      wanted: { status: 401, says: 'signature-mismatch' },
      make: forge,
    },
    {
      name: 'forged for a job',
      path: jobPath(STRANGE_TOKEN),
      wanted: { status: 401, says: 'capability-invalid' },
      make: forge,
    },
  ];
  if (!secret) return forgeries;
  const sign = () => signedNow(webhookId, secret);
  const own = { path: STATIC_ROUTE, make: sign };
  return [
    { ...own, name: 'signed', wanted: { status: 200, says: 'published' } },
    { ...own, name: 'repeated', wanted: { status: 200, says: 'duplicate' } },
    ...forgeries,
  ];
}

async function taken(url: string, step: Step, patience: RetryLimits): Promise<Result> {
  const { name, path, wanted, make } = step;
  const { outcome, tries } = await postWithRetries(`${url}${path}`, make, patience);
  const { status, says } = 'status' in outcome ? outcome : {};
  // A try that was not answered in time may have been published all the same
  const wasLate = name === 'signed' && tries > 1 && says === 'duplicate';
  const ok = status === wanted.status && (says === wanted.says || wasLate);
  return { name, ok, outcome, tries };
}

/** Signed with the reference library, so that the bridge does not only agree with itself. */
function signedNow(id: string, { key }: WebhookSecret): Sending {
  const now = new Date();
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const body = Buffer.from(
    JSON.stringify({
      type: 'bridge.synthetic',
      version: 'v1',
      timestamp: now.toISOString(),
      data: {},
    }),
  );
  return {
    headers: {
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': new Webhook(key, { format: 'raw' }).sign(id, now, body),
    },
    body,
  };
}

function lineOf({ name, ok, outcome, tries }: Result): string {
  const times = tries > 1 ? `, after ${tries} tries` : '';
  return `${name}: ${wordsFor(outcome)}${times}${ok ? '' : ' (not as it should be)'}`;
}
