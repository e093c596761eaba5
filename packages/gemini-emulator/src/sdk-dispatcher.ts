import { runInThisContext } from 'node:vm';

const DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/**
 * Lets the Gemini SDK run inside Jest. The SDK looks up undici's dispatcher on the global object; Jest gives each spec a
 * global object of its own, which lacks it.
 */
export function lendDispatcherToSdk(): void {
  // Node creates the dispatcher at the first use of `fetch` or `Headers`
  const outer = runInThisContext('new Headers(), globalThis') as Record<symbol, unknown>;
  (globalThis as Record<symbol, unknown>)[DISPATCHER] = outer[DISPATCHER];
}
