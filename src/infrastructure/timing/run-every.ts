import { sleep } from './sleep.js';

export interface Pace {
  /** Pause between the end of one run and the beginning of the next. */
  readonly everyMs: number;
  /** Its abort ends the loop after the run that is under way. */
  readonly signal: AbortSignal;
  /** Called with the error of a failed run. The next run comes at its usual time. */
  readonly onError: (error: unknown) => void;
}

/** Runs `work` at once and then in a loop. Resolves when the loop has ended. */
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
    await sleep(everyMs, signal);
  }
}
