import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';
import type { StaticWebhook } from '../../packages/gemini-emulator/src/webhooks/webhooks.js';
import { until } from '../../packages/testbed/src/until.js';
import { SigningSecrets } from '../../src/signing-secrets/signing-secrets.js';
import { WebhookReconciler } from '../../src/webhooks/webhook.reconciler.js';
import type { TestApp } from '../support/app.js';
import { startEmulatedApp, type EmulatedApp } from '../support/emulated-app.js';
import { ask, post, signedV1, type Answer } from '../support/sender.js';
import { temporaryFile, type TemporaryFile } from '../support/temporary-file.js';

/** One declared webhook, which is compared with Gemini only when a test says so. */
export const DECLARED = {
  WEBHOOKS: '[{"name": "main", "events": ["batch.succeeded", "batch.failed"]}]',
  WEBHOOKS_INTERVAL_SECONDS: '3600',
};
/** The declared webhook as Gemini has it. */
export const DECLARED_NAME = 'main [gemini-kafka-bridge/bridge.example]';
export const DECLARED_URI = 'https://bridge.example/webhooks/gemini';

/** A webhook as `/v1/webhooks` shows it. */
export interface Webhook {
  readonly id: string;
  readonly state: string;
  readonly secrets: readonly Readonly<Record<string, string>>[];
}

/** An application that keeps signing secrets in a file of its own, and an emulated Gemini. */
export class WebhooksApp implements AsyncDisposable {
  readonly app: TestApp;
  readonly gemini: GeminiEmulator;
  readonly secrets: SigningSecrets;

  private constructor(
    private readonly world: EmulatedApp,
    /** The content of `VAULT_KEYS_FILE`. */
    readonly keys: TemporaryFile,
    private readonly folder: string,
  ) {
    this.app = world.app;
    this.gemini = world.gemini;
    this.secrets = this.app.get(SigningSecrets);
  }

  /**
   * Resolves after the round that the application begins at its start. Otherwise that round would end during a test,
   * and the next round would not be due.
   */
  static async start(env: Record<string, string> = {}): Promise<WebhooksApp> {
    const keys = temporaryFile(newKey('k1'));
    const folder = mkdtempSync(join(tmpdir(), 'bridge-webhooks-'));
    const world = await startEmulatedApp({
      VAULT_KEYS_FILE: keys.path,
      VAULT_FILE: join(folder, 'vault'),
      ...env,
    });
    const started = new WebhooksApp(world, keys, folder);
    await until('the first comparison', () => started.secrets.document.seen);
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true });
    this.keys[Symbol.dispose]();
  }

  /** The file with the sealed secrets. */
  get vaultText(): string {
    return readFileSync(join(this.folder, 'vault'), 'utf8');
  }

  /** Calls `/v1/webhooks` and what is below it. */
  call(method: string, path: string, body?: object): Promise<Answer> {
    return ask(`${this.app.internalUrl}/v1/webhooks${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
  }

  /** Registers a webhook by the API. */
  async register(
    uri = `https://bridge.example/${randomBytes(4).toString('hex')}`,
  ): Promise<Webhook> {
    const { status, text, json } = await this.call('POST', '', { name: 'test', uri });
    if (status !== 201) throw new Error(`POST /v1/webhooks answered ${status} ${text}`);
    return json as Webhook;
  }

  /** The `whsec_…` that Gemini signs with, newest first. */
  liveSecrets(id: string): string[] {
    return this.gemini.webhooks.get(id).secrets.live();
  }

  /** Sends an event signed with these secrets to the static webhook's URL. */
  deliver(secrets: readonly string[]): Promise<Answer> {
    return post(`${this.app.url}/webhooks/gemini`, signedV1({}, [...secrets]));
  }

  /** The webhooks at Gemini that are the declared one. */
  declared(): StaticWebhook[] {
    return this.gemini.webhooks.all().filter(({ name }) => name === DECLARED_NAME);
  }

  /** The one webhook at Gemini that is the declared one. */
  get declaredOne(): StaticWebhook {
    const [one, ...others] = this.declared();
    if (!one || others.length > 0) {
      throw new Error(
        `Gemini has ${others.length + (one ? 1 : 0)} webhooks ${DECLARED_NAME}, not one`,
      );
    }
    return one;
  }

  /** Compares the webhooks with Gemini now, even if the last round has just ended. */
  async reconcile(): Promise<void> {
    await this.forgetLastRound();
    await this.app.get(WebhookReconciler).reconcile();
  }

  /** Makes the next round due at once. */
  async forgetLastRound(): Promise<void> {
    await this.secrets.updateDocument((document) => {
      const { seen: _, round: __, ...rest } = document;
      return rest;
    });
  }

  /** The answer of `/health/ready`, which has a message for each problem by its name. */
  async readiness(): Promise<Record<string, string>> {
    const { json } = await ask(`${this.app.internalUrl}/health/ready`);
    return json as Record<string, string>;
  }

  /** The first group of the pattern in `/metrics`. */
  async metric(pattern: RegExp): Promise<string | undefined> {
    return pattern.exec((await ask(`${this.app.internalUrl}/metrics`)).text)?.[1];
  }
}

/** A line of `VAULT_KEYS_FILE`. */
export function newKey(id: string): string {
  return `${id}:${randomBytes(32).toString('base64url')}`;
}
