import type { GeminiEvent } from '../events/gemini-event.js';
import { withEvent } from './job-lifecycle.js';
import { jobError, type Job, type JobState } from './job.js';
import type { JobKind, JobSnapshot } from './job-kind.js';
import { JOB_KINDS } from './job-kinds.js';

const STATE_BY_EVENT: ReadonlyMap<string, JobState> = new Map(
  JOB_KINDS.flatMap(({ events }) =>
    Object.entries(events).map(([state, type]) => [type, state as JobState] as const),
  ),
);

/** @returns the final state that an event announces; undefined for an event that others follow. */
function announcedState({ type }: Pick<GeminiEvent, 'type'>): JobState | undefined {
  return STATE_BY_EVENT.get(type);
}

/** Kinds of jobs that send events of this family (`batch.…`); empty for an unknown type. */
export function kindsOfEvent({ type }: Pick<GeminiEvent, 'type'>): readonly JobKind[] {
  const family = `${type.split('.', 1)[0]}.`;
  return JOB_KINDS.filter(({ events }) =>
    Object.values(events).some((each) => each.startsWith(family)),
  );
}

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

/** The last segment of a name. Gemini writes the same name with and without a collection. */
export function bareName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** The job after an event of it was published. @param at time of the record in the registry. */
export function withJobEvent(
  job: Job,
  event: Pick<GeminiEvent, 'type' | 'jobName' | 'error'>,
  webhookId: string,
  at: Date,
): Job {
  const { type, jobName = '', error } = event;
  const isName = JOB_KINDS.find(({ name }) => name === job.kind)?.isName(jobName);
  return withEvent(job, {
    event: { type, webhookId, at: at.toISOString() },
    geminiName: isName ? jobName : undefined,
    state: announcedState(event),
    error: error && jobError(error),
  });
}

/**
 * Body of the event for a polled state, in the form of Gemini's own events.
 *
 * @throws {Error} for a state that the kind does not announce.
 */
export function eventBody(kind: JobKind, name: string, snapshot: JobSnapshot): Buffer {
  const { state, at, data = {} } = snapshot;
  const type = state && kind.events[state];
  if (!type) throw new Error(`${kind.name} has no event for the state ${state}`);
  return Buffer.from(
    JSON.stringify({ type, version: 'v1', timestamp: at, data: { id: name, ...data } }),
  );
}
