import { notFound } from '../api-error.js';
import type { Clock } from '../clock.js';
import { resourceId } from '../ids.js';
import { member, stringMember, stringsMember, type Json } from '../json.js';
import type { EmulatorOptions } from '../options.js';
import { page } from '../api/page.js';
import {
  checkedEvents,
  checkedState,
  checkedUri,
  type WebhookState,
} from './webhook-fields.js';
import { WebhookSecrets } from './webhook-secrets.js';

/** A static webhook, which is registered for all jobs of the project. */
export interface StaticWebhook {
  readonly id: string;
  readonly secrets: WebhookSecrets;
  name: string | undefined;
  uri: string;
  subscribedEvents: string[];
  state: WebhookState;
  /** Failed attempts since the last accepted one. */
  failures: number;
}

/** The static webhooks of the project. */
export class WebhookStore {
  private readonly webhooks = new Map<string, StaticWebhook>();

  constructor(
    private readonly options: EmulatorOptions,
    private readonly clock: Clock,
  ) {}

  /** Registers a webhook. Only this answer shows the whole secret. */
  create(body: Json): Json {
    const webhook: StaticWebhook = {
      id: resourceId(),
      secrets: new WebhookSecrets(this.clock),
      name: stringMember(body, 'name'),
      uri: checkedUri(stringMember(body, 'uri')),
      subscribedEvents: this.events(body),
      state: 'enabled',
      failures: 0,
    };
    this.webhooks.set(webhook.id, webhook);
    const [secret] = webhook.secrets.live();
    return { ...this.shown(webhook), new_signing_secret: secret };
  }

  get(id: string): StaticWebhook {
    const webhook = this.webhooks.get(id);
    if (!webhook) throw notFound();
    return webhook;
  }

  list(size: string | undefined, token: string | undefined): Json {
    const { items, nextToken } = page(this.all(), size, token);
    return {
      webhooks: items.map((webhook) => this.shown(webhook)),
      ...(nextToken ? { next_page_token: nextToken } : {}),
    };
  }

  /** Changes a webhook. All fields are checked before the first one is changed. */
  update(id: string, body: Json, mask: string | undefined): Json {
    const webhook = this.get(id);
    const changes = this.changedBy(body, mask);
    const uri = changes('uri') && checkedUri(stringMember(body, 'uri'));
    const events = changes('subscribed_events') && this.events(body);
    const state = changes('state') && checkedState(stringMember(body, 'state'));
    if (changes('name')) webhook.name = stringMember(body, 'name');
    if (uri) webhook.uri = uri;
    if (events) webhook.subscribedEvents = events;
    if (state) this.setState(webhook, state);
    return this.shown(webhook);
  }

  delete(id: string): void {
    // `Deliveries` gives up what is still under way to a disabled webhook
    this.get(id).state = 'disabled';
    this.webhooks.delete(id);
  }

  rotate(id: string, behavior: string | undefined): Json {
    const spelled = this.options.guideCompat ? behavior?.toLowerCase() : behavior;
    return { secret: this.get(id).secrets.rotate(spelled) };
  }

  subscribedTo(eventType: string): StaticWebhook[] {
    return this.all().filter(
      ({ state, subscribedEvents }) =>
        state === 'enabled' && subscribedEvents.includes(eventType),
    );
  }

  all(): StaticWebhook[] {
    return [...this.webhooks.values()];
  }

  /** The webhook as the API answers it. The API declares `create_time` and `update_time`, and never sends them. */
  shown(webhook: StaticWebhook): Json {
    return {
      id: webhook.id,
      ...(webhook.name === undefined ? {} : { name: webhook.name }),
      uri: webhook.uri,
      subscribed_events: webhook.subscribedEvents,
      state: webhook.state,
      signing_secrets: webhook.secrets.shown(),
    };
  }

  private events(body: Json): string[] {
    const given = stringsMember(body, 'subscribed_events');
    return checkedEvents(given, this.options.cancelledEvents);
  }

  private changedBy(body: Json, mask: string | undefined): (field: string) => boolean {
    const strict = this.options.updateMask === 'strict' && mask !== undefined;
    const named = new Set(mask?.split(',').map((path) => path.trim()));
    return (field) => member(body, field) !== undefined && (!strict || named.has(field));
  }

  private setState(webhook: StaticWebhook, state: WebhookState): void {
    if (state === 'enabled' && webhook.state !== 'enabled') webhook.failures = 0;
    webhook.state = state;
  }
}
