import type { Deliveries } from './deliveries.js';
import type { JobReference } from './delivery.js';
import { event, jobEvent, type GeminiEvent } from './events.js';
import type { Finish, Job } from './job.js';
import type { Json } from './json.js';
import type { EmulatorOptions } from './options.js';
import type { StaticWebhook, WebhookStore } from './webhooks.js';

/** Whom an emitted event reaches and what it pretends. */
export interface EmitTarget {
  /** As `webhook_config.uris`: they replace the static webhooks. */
  readonly uris?: readonly string[];
  readonly userMetadata?: Json;
  readonly jobName?: string;
}

/** Makes events and decides where they go. The answers name the webhook-ids. */
export class Announcer {
  constructor(
    private readonly options: EmulatorOptions,
    private readonly webhooks: WebhookStore,
    private readonly sender: Deliveries,
  ) {}

  /** The end of a job. */
  announce(job: Job, finish: Finish): string[] {
    const made = jobEvent(job, finish, this.options);
    if (!made) return [];
    const { name: jobName, userMetadata, webhookUris } = job;
    return this.publish(made, webhookUris, { jobName, userMetadata });
  }

  /** Any event at all, without a job behind it. */
  emit(type: string, data: Json, target: EmitTarget): string[] {
    const made = event(type, data, this.options, target);
    return this.publish(made, target.uris ?? [], target);
  }

  ping(webhook: StaticWebhook): string[] {
    const ping = event(this.options.pingType, {}, this.options);
    return this.sender.send(ping, [{ url: webhook.uri, webhook }]);
  }

  private publish(
    made: GeminiEvent,
    uris: readonly string[],
    job: JobReference,
  ): string[] {
    const destinations =
      uris.length > 0
        ? uris.map((url) => ({ url, webhook: undefined }))
        : this.webhooks
            .subscribedTo(made.canonicalType)
            .map((webhook) => ({ url: webhook.uri, webhook }));
    return this.sender.send(made, destinations, job);
  }
}
