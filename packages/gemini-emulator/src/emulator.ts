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
 * The parts of the Gemini API that the bridge uses: webhooks, jobs, files, the JWKS, and the sender of deliveries.
 * It has one project and one API key, and keeps everything but large files in memory. Where Google documents nothing,
 * an option whose comment says "assumption" decides.
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

  /** Base URL of the API, without a slash at the end. */
  get url(): string {
    return this.baseUrl;
  }

  get apiKey(): string {
    return this.options.apiKey;
  }

  get jwksUrl(): string {
    return `${this.url}${JWKS_PATH}`;
  }

  /** Number of requests for the JWKS. */
  get jwksRequests(): number {
    return this.jwks.requests;
  }

  /** All jobs that were created, oldest first, deleted ones included. */
  get jobs(): JobSummary[] {
    return this.store.all().map(jobSummary);
  }

  /** Events that `loseEvents` kept from being delivered, oldest first. */
  get lostEvents(): readonly LostEvent[] {
    return this.announcer.lost;
  }

  /** All attempts that have ended, oldest first. */
  get deliveries(): readonly DeliveryAttempt[] {
    return this.sender.log.all();
  }

  /** Deliveries that are neither accepted nor given up. */
  get pendingDeliveries(): readonly Delivery[] {
    return this.sender.pending();
  }

  /**
   * Creates a job without a call of the API.
   *
   * @param body the request body of the API's call
   * @param model the `{model}` in the path of the call, for kinds that have one there
   */
  async createJob(kind: JobKind, body: Json, model?: string): Promise<JobSummary> {
    return jobSummary(await this.store.create(kind, body, model));
  }

  /** Moves a job from PENDING to RUNNING. @param name the name that the API gives the job, or its id */
  startJob(name: string): void {
    this.store.start(name);
  }

  /**
   * Ends a job and sends its event in the background.
   *
   * @returns the webhook-ids of the event's deliveries; empty if there are none
   */
  finishJob(
    name: string,
    outcome: Outcome,
    details: Omit<Finish, 'outcome'> = {},
  ): string[] {
    return this.store.finish(name, { outcome, ...details });
  }

  /**
   * Sends an event that belongs to no job. With `uris` it is signed by Google's keys, like the delivery of another
   * project that knows a receiver's URL.
   *
   * @returns the webhook-ids of its deliveries
   */
  emit(type: string, data: Json, target: EmitTarget = {}): string[] {
    return this.announcer.emit(type, data, target);
  }

  /** Does what the API's `:ping` does. */
  ping(webhookId: string): string[] {
    return this.announcer.ping(this.webhooks.get(webhookId));
  }

  /** Sends a delivery again at once, with a new timestamp, also after it was accepted or given up. */
  redeliver(webhookId: string): void {
    this.sender.redeliver(webhookId);
  }

  /**
   * The first attempt that satisfies the predicate, among past and future ones.
   *
   * @param timeoutMs real time
   * @throws {Error} after the timeout
   */
  waitForDelivery(
    predicate: (attempt: DeliveryAttempt) => boolean,
    timeoutMs = 10_000,
  ): Promise<DeliveryAttempt> {
    return this.sender.log.waitFor(predicate, timeoutMs);
  }

  /** Resolves when every delivery was accepted or given up. With `duplicate`, a repeat after a 2xx may still follow. */
  drained(timeoutMs = 10_000): Promise<void> {
    return this.sender.drained(timeoutMs);
  }

  /**
   * Plans a fault for the next calls of a route.
   *
   * @param routeName like `batches.create`; `*` stands for anything, as in `*.create`
   * @param times number of calls; by default one, or all calls if the fault has a probability
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
