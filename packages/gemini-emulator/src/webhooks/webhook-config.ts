import type { JobWebhooks } from '../jobs/job.js';
import { objectMember, stringsMember, type Json } from '../json.js';
import { checkedUri } from './webhook-fields.js';

export const NO_WEBHOOKS: JobWebhooks = {
  webhookConfig: undefined,
  webhookUris: [],
  userMetadata: undefined,
};

/** The `webhook_config` (or `webhookConfig`) of a request. */
export function jobWebhooks(request: Json): JobWebhooks {
  const webhookConfig = objectMember(request, 'webhook_config');
  if (!webhookConfig) return NO_WEBHOOKS;
  const uris = stringsMember(webhookConfig, 'uris') ?? [];
  return {
    webhookConfig,
    webhookUris: uris.map(checkedUri),
    userMetadata: objectMember(webhookConfig, 'user_metadata'),
  };
}
