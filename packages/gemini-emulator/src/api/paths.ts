import type { Call } from './http.js';

/** The reference says `v1beta`, some samples and the newest SDK say `v1`. The emulator serves both. */
const VERSION = '/v1(?:beta)?';

/** Path of a list, like `/v1beta/batches`. */
export function collection(name: string, prefix = ''): RegExp {
  return new RegExp(`^${prefix}${VERSION}/${name}$`);
}

/** Path of one resource, like `/v1beta/batches/<id>`, and of an action on it, like `:cancel`. */
export function resource(name: string, action = '', prefix = ''): RegExp {
  return new RegExp(`^${prefix}${VERSION}/${name}/(?<id>[^/:]+)${action}$`);
}

/** Path of a model's operations: `/v1beta/models/<id>/operations`. */
export function modelOperations(): RegExp {
  return new RegExp(`^${VERSION}/models/(?<id>[^/:]+)/operations$`);
}

/** Path of one operation of a model, and of an action on it. */
export function modelOperation(action = ''): RegExp {
  const path = `models/(?<model>[^/:]+)/operations/(?<id>[^/:]+)`;
  return new RegExp(`^${VERSION}/${path}${action}$`);
}

/** The `<id>` in the path of a call. */
export function id(call: Call): string {
  return call.path['id'] ?? '';
}
