import type { GeminiEvent } from '../event/gemini-event.js';
import { advanced, type Job, type JobState } from '../registry/job.js';
import { without } from '../registry/json.js';
import type { JobKind, Sighting } from './job-kind.js';
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
 * @param name of the job on Gemini: nobody checks it for a job that the registry does not know,
 *   and then one job's end must not stand for another's.
 * @returns undefined for an event that may come more than once.
 */
export function outcomeOf(
  jobId: string,
  event: Pick<GeminiEvent, 'type'>,
  name: string | undefined,
): string | undefined {
  return stateAnnounced(event) && `${jobId}:${event.type}:${bareName(name ?? '')}`;
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

/** An event of the job is on Kafka. */
export function noted(
  job: Job,
  { type, jobName }: GeminiEvent,
  webhookId: string,
  at: Date,
): Job {
  const state = stateAnnounced({ type });
  const named = jobName === undefined ? {} : { geminiName: job.geminiName ?? jobName };
  const lastEvent = { type, webhookId, at: at.toISOString() };
  const told = { ...taken(job), ...named, lastEvent, updatedAt: at.toISOString() };
  return state === undefined ? told : advanced(told, state, at);
}

/** Who believed that Gemini had not taken it was wrong. */
function taken(job: Job): Job {
  if (!job.error?.retryable) return job;
  return { ...without(job, 'error', 'endedAt'), state: 'submitted' };
}

/** The event that Gemini would have sent, of what it says itself. */
export function eventBody(kind: JobKind, name: string, sighting: Sighting): Buffer {
  const { state, at, data = {} } = sighting;
  const type = state && kind.events[state];
  if (!type) throw new Error('this state is not announced');
  return Buffer.from(
    JSON.stringify({ type, version: 'v1', timestamp: at, data: { id: name, ...data } }),
  );
}
