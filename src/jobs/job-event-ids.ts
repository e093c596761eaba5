import type { GeminiEvent } from '../events/gemini-event.js';
import { announcedState } from './event-kinds.js';
import { bareName } from './gemini-name.js';

/**
 * Id of a job's end, `<job id>:<event type>`. A delivered event and a polled one both claim it,
 * so that only one of them is published.
 *
 * @param unverifiedName name in the event of a job that the registry does not have. It becomes
 *   part of the id, because the event may be about another job.
 * @returns undefined for an event that is not the last one of its job.
 */
export function endIdOf(
  jobId: string,
  event: Pick<GeminiEvent, 'type'>,
  unverifiedName?: string,
): string | undefined {
  if (!announcedState(event)) return undefined;
  const endId = `${jobId}:${event.type}`;
  return unverifiedName === undefined ? endId : `${endId}:${bareName(unverifiedName)}`;
}

/** `webhook-id` of an event that the bridge publishes after polling. */
export function reconciledId(endId: string): string {
  return `reconciled:${endId}`;
}

/** Dedupe scope of the events that arrive at a job's own URL, and of its polled event. */
export function jobScope(jobId: string): string {
  return `jobs/${jobId}`;
}
