import type { Deliveries } from './deliveries.js';
import type { Destination } from './delivery.js';
import { event, jobEvent, type GeminiEvent } from './events.js';
import type { Finish, Job } from '../jobs/job.js';
import type { Json } from '../json.js';
import type { EmulatorOptions } from '../options.js';
import type { Random } from '../random.js';
import type { StaticWebhook, WebhookStore } from '../webhooks/webhooks.js';

/** An event that is never delivered. */
export interface LostEvent {
  readonly type: string;
  readonly jobName: string;
}

/** Destination and content of an emitted event. */
export interface EmitTarget {
  /** Destinations that replace the static webhooks, as `webhook_config.uris` does. */
  readonly uris?: readonly string[];
  readonly userMetadata?: Json;
  /** Name of any job, also of another project's. It becomes `data.id` if the data have none. */
  readonly jobName?: string;
}

/** Makes events and sends them to their destinations. Its methods return the webhook-ids of the deliveries. */
export class Announcer {
  /** Oldest first. */
  readonly lost: LostEvent[] = [];

  constructor(
    private readonly options: EmulatorOptions,
    private readonly webhooks: WebhookStore,
    private readonly sender: Deliveries,
    private readonly random: Random,
  ) {}

  /** Sends the event of a job's end. */
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

  /** Sends an event that belongs to no job. `loseEvents` does not apply to it. */
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

  /** The URIs of the job, or else the static webhooks that are subscribed to the event. */
  private destinations(
    { canonicalType }: GeminiEvent,
    uris: readonly string[],
  ): Destination[] {
    if (uris.length > 0) return uris.map((url) => ({ url, webhook: undefined }));
    const subscribed = this.webhooks.subscribedTo(canonicalType);
    return subscribed.map((webhook) => ({ url: webhook.uri, webhook }));
  }
}
