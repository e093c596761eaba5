import { jsonBody, query, route, type Call, type Route } from '../api/http.js';
import { stringMember } from '../json.js';
import type { EmulatorOptions } from '../options.js';
import { collection, id, resource } from '../api/paths.js';
import type { StaticWebhook, WebhookStore } from './webhooks.js';

/** Routes of static webhooks. @param ping sends in the background; the answer does not wait for it, as seen on the live API */
export function webhookRoutes(
  webhooks: WebhookStore,
  ping: (webhook: StaticWebhook) => void,
  options: EmulatorOptions,
): Route[] {
  const all = collection('webhooks');
  const one = resource('webhooks');
  const rotate = (call: Call) => {
    const behavior = stringMember(jsonBody(call), 'revocation_behavior');
    return { body: webhooks.rotate(id(call), behavior) };
  };
  const rotatePaths = [
    resource('webhooks', ':rotateSigningSecret'),
    ...(options.guideCompat ? [resource('webhooks', '/rotate_secret')] : []),
  ];
  return [
    route('webhooks.create', 'POST', all, (call) => ({
      body: webhooks.create(jsonBody(call)),
    })),
    route('webhooks.list', 'GET', all, (call) => ({
      body: webhooks.list(query(call, 'page_size'), query(call, 'page_token')),
    })),
    route('webhooks.get', 'GET', one, (call) => ({
      body: webhooks.shown(webhooks.get(id(call))),
    })),
    route('webhooks.update', 'PATCH', one, (call) => ({
      body: webhooks.update(id(call), jsonBody(call), query(call, 'update_mask')),
    })),
    route('webhooks.delete', 'DELETE', one, (call) => {
      webhooks.delete(id(call));
      return {};
    }),
    ...rotatePaths.map((path) =>
      route('webhooks.rotateSigningSecret', 'POST', path, rotate),
    ),
    route('webhooks.ping', 'POST', resource('webhooks', ':ping'), (call) => {
      ping(webhooks.get(id(call)));
      return {};
    }),
  ];
}
