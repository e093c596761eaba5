import type { GeminiEvent } from '../events/gemini-event.js';
import { withEvent } from './job-lifecycle.js';
import type { Job, JobState } from './job.js';
import type { JobKind, JobSnapshot } from './job-kind.js';
import { JOB_KINDS } from './job-kinds.js';

const STATE_BY_EVENT: ReadonlyMap<string, JobState> = new Map(
  JOB_KINDS.flatMap(({ events }) =>
    Object.entries(events).map(([state, type]) => [type, state as JobState] as const),
  ),
);

/** The state that an event announces; undefined for one after which others come. */
function stateAnnounced({ type }: Pick<GeminiEvent, 'type'>): JobState | undefined {
  return STATE_BY_EVENT.get(type);
}

/** The kinds of jobs that such an event can be about; none for a type that is not known here. */
export function kindsTold({ type }: Pick<GeminiEvent, 'type'>): readonly JobKind[] {
  const family = `${type.split('.', 1)[0]}.`;
  return JOB_KINDS.filter(({ events }) =>
    Object.values(events).some((each) => each.startsWith(family)),
  );
}

/**
 * What a job came to. Its webhook and who looks after missed ones both claim it, so that only
 * one of them publishes.
 *
 * @param unchecked name that the event gives a job which the registry does not know: nobody can
 *   say whether it is the job's, and one job's end must not stand for another's.
 * @returns undefined for an event that may come more than once.
 */
export function outcomeOf(
  jobId: string,
  event: Pick<GeminiEvent, 'type'>,
  unchecked?: string,
): string | undefined {
  if (!stateAnnounced(event)) return undefined;
  const outcome = `${jobId}:${event.type}`;
  return unchecked === undefined ? outcome : `${outcome}:${bareName(unchecked)}`;
}

/** The `webhook-id` of an event that Gemini never delivered: the same whoever publishes it. */
export function reconciledId(outcome: string): string {
  return `reconciled:${outcome}`;
}

/** The scope of what comes by a job's URL, or would have come. */
export function jobScope(jobId: string): string {
  return `jobs/${jobId}`;
}

/** Gemini's spellings of a job's name differ in what stands before the last slash. */
export function bareName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** The job after an event of it is on Kafka. */
export function withJobEvent(
  job: Job,
  event: Pick<GeminiEvent, 'type' | 'jobName'>,
  webhookId: string,
  at: Date,
): Job {
  const { type, jobName = '' } = event;
  const isName = JOB_KINDS.find(({ name }) => name === job.kind)?.isName(jobName);
  const name = isName ? jobName : undefined;
  const lastEvent = { type, webhookId, at: at.toISOString() };
  return withEvent(job, lastEvent, name, stateAnnounced(event));
}

/** The event that Gemini would have sent, of what it says itself. */
export function eventBody(kind: JobKind, name: string, sighting: JobSnapshot): Buffer {
  const { state, at, data = {} } = sighting;
  const type = state && kind.events[state];
  if (!type) throw new Error('this state is not announced');
  return Buffer.from(
    JSON.stringify({ type, version: 'v1', timestamp: at, data: { id: name, ...data } }),
  );
}
