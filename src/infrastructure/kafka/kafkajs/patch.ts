import { createRequire } from 'node:module';

const patched = new WeakSet<object>();

/**
 * Changes a class of kafkajs's own, which it does not export, once for all that use it.
 *
 * @param needed methods that have to be there.
 * @throws {TypeError} when kafkajs is not the version that this was made for.
 */
export function patchKafkajs<Prototype extends object>(
  module: string,
  needed: readonly (keyof Prototype)[],
  patch: (prototype: Prototype) => void,
): void {
  const require = createRequire(import.meta.url);
  const { prototype } = require(module) as { prototype: Prototype };
  if (needed.some((method) => typeof prototype[method] !== 'function')) {
    throw new TypeError('kafkajs is not the version that this build was made for');
  }
  if (patched.has(prototype)) return;
  patched.add(prototype);
  patch(prototype);
}
