import { setTimeout as delay } from 'node:timers/promises';

export interface Pace {
  readonly everyMs: number;
  /** Ends it, after what is under way. */
  readonly signal: AbortSignal;
  /** What failed is done again at its time. */
  readonly onError: (error: unknown) => void;
}

/** Does something again and again, now first; resolves at the end. */
export async function runEvery(
  work: () => Promise<unknown>,
  { everyMs, signal, onError }: Pace,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work();
    } catch (error) {
      onError(error);
    }
    await delay(everyMs, undefined, { signal }).catch(() => undefined);
  }
}
