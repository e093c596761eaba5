import { runInThisContext } from 'node:vm';

const DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/**
 * Jest gives each spec a global object of its own. The Gemini SDK looks there for what Node's
 * `fetch` sends its requests with, and finds it only on Node's own.
 */
export function lendDispatcherToSdk(): void {
  // Node makes it with the first use of `fetch` or what belongs to it
  const outer = runInThisContext('new Headers(), globalThis') as Record<symbol, unknown>;
  (globalThis as Record<symbol, unknown>)[DISPATCHER] = outer[DISPATCHER];
}
