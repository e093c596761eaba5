import type { Deliveries } from './deliveries.js';
import type { Destination } from './delivery.js';
import { event, jobEvent, type GeminiEvent } from './events.js';
import type { Finish, Job } from '../jobs/job.js';
import type { Json } from '../json.js';
import type { EmulatorOptions } from '../options.js';
import type { Random } from '../random.js';
import type { StaticWebhook, WebhookStore } from '../webhooks/webhooks.js';

/** One that is never delivered at all. */
export interface LostEvent {
  readonly type: string;
  readonly jobName: string;
}

/** Whom an emitted event reaches and what it pretends. */
export interface EmitTarget {
  /** As `webhook_config.uris`: they replace the static webhooks. */
  readonly uris?: readonly string[];
  readonly userMetadata?: Json;
  /** Any name, also of a job that another project submitted. It is `data.id` if the data have none. */
  readonly jobName?: string;
}

/** Makes events and decides where they go. The answers name the webhook-ids. */
export class Announcer {
  /** Oldest first. */
  readonly lost: LostEvent[] = [];

  constructor(
    private readonly options: EmulatorOptions,
    private readonly webhooks: WebhookStore,
    private readonly sender: Deliveries,
    private readonly random: Random,
  ) {}

  /** The end of a job. */
  announce(job: Job, finish: Finish): string[] {
    const { name: jobName, userMetadata, webhookUris } = job;
    const made = jobEvent(job, finish, this.options);
    const destinations = made ? this.destinations(made, webhookUris) : [];
    if (!made || destinations.length === 0) return [];
    if (this.random() < this.options.loseEvents) {
      this.lost.push({ type: made.canonicalType, jobName });
      return [];
    }
    return this.sender.send(made, destinations, { jobName, userMetadata });
  }

  /** Any event at all, without a job behind it. Such a one is never lost. */
  emit(type: string, data: Json, target: EmitTarget): string[] {
    const { uris = [], jobName } = target;
    const pretended = jobName === undefined ? data : { id: jobName, ...data };
    const made = event(type, pretended, this.options, target);
    return this.sender.send(made, this.destinations(made, uris), target);
  }

  ping(webhook: StaticWebhook): string[] {
    const ping = event(this.options.pingType, {}, this.options);
    return this.sender.send(ping, [{ url: webhook.uri, webhook }]);
  }

  /** URIs of the job's own replace the static webhooks. */
  private destinations(
    { canonicalType }: GeminiEvent,
    uris: readonly string[],
  ): Destination[] {
    if (uris.length > 0) return uris.map((url) => ({ url, webhook: undefined }));
    const subscribed = this.webhooks.subscribedTo(canonicalType);
    return subscribed.map((webhook) => ({ url: webhook.uri, webhook }));
  }
}
