import type { Call } from './http.js';

/** The reference says `v1beta`, some samples and the newest SDK say `v1`: both are served alike. */
const VERSION = '/v1(?:beta)?';

/** Of a list: `/v1beta/batches`. */
export function collection(name: string, prefix = ''): RegExp {
  return new RegExp(`^${prefix}${VERSION}/${name}$`);
}

/** Of one thing in it: `/v1beta/batches/<id>`, with what follows the id, as `:cancel`. */
export function resource(name: string, action = '', prefix = ''): RegExp {
  return new RegExp(`^${prefix}${VERSION}/${name}/(?<id>[^/:]+)${action}$`);
}

/** The operations of a model: `/v1beta/models/<id>/operations`. */
export function modelOperations(): RegExp {
  return new RegExp(`^${VERSION}/models/(?<id>[^/:]+)/operations$`);
}

/** One of them, with what follows its id. */
export function modelOperation(action = ''): RegExp {
  const path = `models/(?<model>[^/:]+)/operations/(?<id>[^/:]+)`;
  return new RegExp(`^${VERSION}/${path}${action}$`);
}

/** The `<id>` in the path of such a thing. */
export function id(call: Call): string {
  return call.path['id'] ?? '';
}
