import { admit } from './admission.js';
import { batchRoutes } from './batch-routes.js';
import { BatchStore } from './batches.js';
import type { Batch, Finish } from './batch.js';
import { Clock } from './clock.js';
import { controlRoutes } from './control.js';
import { Deliveries } from './deliveries.js';
import type { Delivery, DeliveryAttempt } from './delivery.js';
import { DeliverySigner } from './delivery-signer.js';
import { batchEvent, event, type GeminiEvent } from './events.js';
import { FaultPlan, type Fault } from './faults.js';
import { withFieldMask } from './field-mask.js';
import { fileRoutes } from './file-routes.js';
import { FileStore } from './files.js';
import { route, type Route } from './http.js';
import { JWKS_PATH, JwksEndpoint } from './jwks.js';
import type { Json } from './json.js';
import {
  completeOptions,
  type EmulatorOptions,
  type Outcome,
  type StartOptions,
} from './options.js';
import { RouteServer } from './server.js';
import { GoogleKeys } from './signing.js';
import { uploadRoutes } from './upload-routes.js';
import { Uploads } from './uploads.js';
import { webhookRoutes } from './webhook-routes.js';
import { WebhookStore, type StaticWebhook } from './webhooks.js';

/** Where an emitted event goes besides its subscribers. */
export interface EmitTarget {
  /** As `webhook_config.uris`: they replace the static webhooks. */
  readonly uris?: readonly string[];
  readonly userMetadata?: Json;
  readonly jobName?: string;
}

/**
 * The parts of the Gemini API that the bridge meets: webhooks, batches, files, the JWKS, and the sender of deliveries.
 * One project, one key; all but large files in memory. What Google does not document is an option whose comment says "assumption".
 */
export class GeminiEmulator implements AsyncDisposable {
  readonly keys: GoogleKeys;
  readonly clock: Clock;
  readonly webhooks: WebhookStore;
  readonly batches: BatchStore;
  readonly files: FileStore;
  readonly uploads: Uploads;
  readonly faults = new FaultPlan();
  private baseUrl = '';
  private readonly sender: Deliveries;
  private readonly jwks: JwksEndpoint;
  private readonly server: RouteServer;

  private constructor(readonly options: EmulatorOptions) {
    this.keys = GoogleKeys.create({ kid: options.kid });
    this.clock = new Clock(options.timeScale);
    this.webhooks = new WebhookStore(options, this.clock);
    const signer = new DeliverySigner(options, this.clock, this.keys);
    this.sender = new Deliveries(options, this.clock, signer);
    this.files = new FileStore(this.clock, () => this.baseUrl);
    this.uploads = new Uploads(this.files);
    this.batches = new BatchStore(options, this.clock, this.files, (batch, finish) =>
      this.announce(batch, finish),
    );
    this.jwks = new JwksEndpoint(options, this.keys);
    this.server = new RouteServer(this.routes(), this.faults, {
      admit: (asked, call) => admit(asked, call, options.apiKey, this.uploads),
      finish: withFieldMask,
    });
  }

  static async start(options: StartOptions = {}): Promise<GeminiEmulator> {
    const emulator = new GeminiEmulator(completeOptions(options));
    const { port, host } = emulator.options;
    emulator.baseUrl = await emulator.server.listen(port, host);
    return emulator;
  }

  /** The base of the API, without a slash at the end. */
  get url(): string {
    return this.baseUrl;
  }

  get apiKey(): string {
    return this.options.apiKey;
  }

  get jwksUrl(): string {
    return `${this.url}${JWKS_PATH}`;
  }

  /** How often the JWKS was asked for. */
  get jwksRequests(): number {
    return this.jwks.requests;
  }

  /** Every attempt that has ended, oldest first. */
  get deliveries(): readonly DeliveryAttempt[] {
    return this.sender.log.all();
  }

  /** Deliveries neither accepted nor given up yet. */
  get pendingDeliveries(): readonly Delivery[] {
    return this.sender.pending();
  }

  /** PENDING to RUNNING. `name`: `batches/<id>` or the id. */
  startBatch(name: string): void {
    this.batches.start(name);
  }

  /** Ends the job and sends its event in the background; the answer names the webhook-ids (none: nobody is told). */
  finishBatch(
    name: string,
    outcome: Outcome,
    details: Omit<Finish, 'outcome'> = {},
  ): string[] {
    return this.batches.finish(name, outcome, details);
  }

  /** Any event at all, without a job behind it. The answer names the webhook-ids. */
  emit(type: string, data: Json, target: EmitTarget = {}): string[] {
    const made = event(type, data, this.options, target);
    return this.publish(made, target.uris ?? [], target);
  }

  /** As the API's `:ping`. */
  ping(webhookId: string): string[] {
    return this.sendPing(this.webhooks.get(webhookId));
  }

  /** The same delivery once more, at once, with a fresh timestamp, whatever became of it before. */
  redeliver(webhookId: string): void {
    this.sender.redeliver(webhookId);
  }

  /** The first attempt that satisfies, past or to come; an error after so many real milliseconds. */
  waitForDelivery(
    predicate: (attempt: DeliveryAttempt) => boolean,
    timeoutMs = 10_000,
  ): Promise<DeliveryAttempt> {
    return this.sender.log.waitFor(predicate, timeoutMs);
  }

  /** Resolves when every delivery so far was accepted or given up (a repeat after a 2xx may still come). */
  drained(timeoutMs = 10_000): Promise<void> {
    return this.sender.drained(timeoutMs);
  }

  /** What the next `times` calls of that route (`batches.create`, `*` for any) meet. */
  fault(routeName: string, fault: Fault, times = 1): void {
    this.faults.add(routeName, fault, times);
  }

  async stop(): Promise<void> {
    this.clock.close();
    this.sender.close();
    await this.server.close();
    await this.files.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private routes(): Route[] {
    const ping = (webhook: StaticWebhook) => void this.sendPing(webhook);
    return [
      ...webhookRoutes(this.webhooks, ping, this.options),
      ...batchRoutes(this.batches, this.options),
      ...uploadRoutes(this.uploads, () => this.baseUrl),
      ...fileRoutes(this.files),
      route('jwks', 'GET', /^\/\.well-known\/jwks\.json$/, () => this.jwks.answer()),
      ...controlRoutes(this),
    ];
  }

  private announce(batch: Batch, finish: Finish): string[] {
    const made = batchEvent(batch, finish, this.options);
    if (!made) return [];
    return this.publish(made, batch.webhookUris, {
      jobName: `batches/${batch.id}`,
      userMetadata: batch.userMetadata,
    });
  }

  private publish(
    made: GeminiEvent,
    uris: readonly string[],
    job: { jobName?: string | undefined; userMetadata?: Json | undefined },
  ): string[] {
    const destinations =
      uris.length > 0
        ? uris.map((url) => ({ url, webhook: undefined }))
        : this.webhooks
            .subscribedTo(made.canonicalType)
            .map((webhook) => ({ url: webhook.uri, webhook }));
    return this.sender.send(made, destinations, job);
  }

  private sendPing(webhook: StaticWebhook): string[] {
    const ping = event(this.options.pingType, {}, this.options);
    return this.sender.send(ping, [{ url: webhook.uri, webhook }]);
  }
}
