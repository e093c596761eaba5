import { admit } from './api/admission.js';
import { Announcer, type EmitTarget, type LostEvent } from './deliveries/announcer.js';
import { batchRoutes } from './jobs/batch-routes.js';
import { Clock } from './clock.js';
import { controlRoutes } from './control/control.js';
import { Deliveries } from './deliveries/deliveries.js';
import type { Delivery, DeliveryAttempt } from './deliveries/delivery.js';
import { DeliverySigner } from './deliveries/delivery-signer.js';
import { FaultPlan, type Fault } from './control/faults.js';
import { withFieldMask } from './api/field-mask.js';
import { fileRoutes } from './files/file-routes.js';
import { FileStore } from './files/files.js';
import { route, type Route } from './api/http.js';
import { interactionRoutes } from './jobs/interaction-routes.js';
import { jobSummary, type JobSummary } from './jobs/job-summary.js';
import type { Finish, Job, JobKind } from './jobs/job.js';
import { JobStore } from './jobs/jobs.js';
import { JWKS_PATH, JwksEndpoint } from './deliveries/jwks.js';
import type { Json } from './json.js';
import {
  completeOptions,
  type EmulatorOptions,
  type Outcome,
  type StartOptions,
} from './options.js';
import { seededRandom } from './random.js';
import { RouteServer } from './api/server.js';
import { GoogleKeys } from './deliveries/signing.js';
import { uploadRoutes } from './files/upload-routes.js';
import { Uploads } from './files/uploads.js';
import { videoRoutes } from './jobs/video-routes.js';
import { webhookRoutes } from './webhooks/webhook-routes.js';
import { WebhookStore, type StaticWebhook } from './webhooks/webhooks.js';

/**
 * The parts of the Gemini API that the bridge meets: webhooks, jobs, files, the JWKS, and the sender of deliveries.
 * One project, one key; all but large files in memory. What Google does not document is an option whose comment says
 * "assumption".
 */
export class GeminiEmulator implements AsyncDisposable {
  readonly keys: GoogleKeys;
  readonly clock: Clock;
  readonly webhooks: WebhookStore;
  readonly files: FileStore;
  readonly uploads: Uploads;
  readonly faults: FaultPlan;
  /** The jobs that the API lists as batches. */
  readonly batches = {
    get: (name: string): Job => this.store.get(name),
    all: (): Job[] => this.store.in('batches'),
  };
  private baseUrl = '';
  private readonly store: JobStore;
  private readonly sender: Deliveries;
  private readonly announcer: Announcer;
  private readonly jwks: JwksEndpoint;
  private readonly server: RouteServer;

  private constructor(readonly options: EmulatorOptions) {
    const { kid, timeScale, seed } = options;
    this.keys = GoogleKeys.create({ kid });
    this.clock = new Clock(timeScale);
    this.webhooks = new WebhookStore(options, this.clock);
    const signer = new DeliverySigner(options, this.clock, this.keys);
    const repeats = seededRandom(seed, 'duplicate');
    this.sender = new Deliveries(options, this.clock, signer, repeats);
    this.announcer = new Announcer(
      options,
      this.webhooks,
      this.sender,
      seededRandom(seed, 'loseEvents'),
    );
    const baseUrl = () => this.baseUrl;
    this.files = new FileStore(this.clock, baseUrl);
    this.uploads = new Uploads(this.files);
    this.store = new JobStore(
      { options, files: this.files, baseUrl },
      this.clock,
      seededRandom(seed, 'autoFinishSpreadMs'),
      (job, finish) => this.announcer.announce(job, finish),
    );
    this.jwks = new JwksEndpoint(options, this.keys);
    const routes = this.routes();
    const names = routes.map(({ name }) => name);
    this.faults = new FaultPlan(seed, names);
    for (const { route: name, fault, times } of options.faults) {
      this.fault(name, fault, times);
    }
    this.server = new RouteServer(routes, this.faults, {
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

  /** Every job of every kind that was really created, oldest first, also if it was deleted since. */
  get jobs(): JobSummary[] {
    return this.store.all().map(jobSummary);
  }

  /** Events that `loseEvents` kept from everybody, oldest first. */
  get lostEvents(): readonly LostEvent[] {
    return this.announcer.lost;
  }

  /** Every attempt that has ended, oldest first. */
  get deliveries(): readonly DeliveryAttempt[] {
    return this.sender.log.all();
  }

  /** Deliveries neither accepted nor given up yet. */
  get pendingDeliveries(): readonly Delivery[] {
    return this.sender.pending();
  }

  /** As the API's call would, without one: `body` is its request, `model` the `{model}` of its path, if that has one. */
  async createJob(kind: JobKind, body: Json, model?: string): Promise<JobSummary> {
    return jobSummary(await this.store.create(kind, body, model));
  }

  /** PENDING to RUNNING. `name`: as the API names the job, or its id. */
  startJob(name: string): void {
    this.store.start(name);
  }

  /** Ends the job and sends its event in the background; the answer names the webhook-ids (none: nobody is told). */
  finishJob(
    name: string,
    outcome: Outcome,
    details: Omit<Finish, 'outcome'> = {},
  ): string[] {
    return this.store.finish(name, { outcome, ...details });
  }

  /**
   * Any event at all, without a job behind it; Google's keys sign it if it goes to `uris`. So another project's delivery
   * looks to a receiver whose URL somebody knows. The answer names the webhook-ids.
   */
  emit(type: string, data: Json, target: EmitTarget = {}): string[] {
    return this.announcer.emit(type, data, target);
  }

  /** As the API's `:ping`. */
  ping(webhookId: string): string[] {
    return this.announcer.ping(this.webhooks.get(webhookId));
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

  /**
   * What the next `times` calls of that route meet (`batches.create`, `*.create`, `*` for any): one, unless the fault
   * has a probability; then there is no end of them.
   */
  fault(routeName: string, fault: Fault, times?: number): void {
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
    const ping = (webhook: StaticWebhook) => void this.announcer.ping(webhook);
    return [
      ...webhookRoutes(this.webhooks, ping, this.options),
      ...batchRoutes(this.store, this.options),
      ...interactionRoutes(this.store),
      ...videoRoutes(this.store),
      ...uploadRoutes(this.uploads, () => this.baseUrl),
      ...fileRoutes(this.files),
      route('jwks', 'GET', /^\/\.well-known\/jwks\.json$/, () => this.jwks.answer()),
      ...controlRoutes(this),
    ];
  }
}
