import type { GeminiEvent } from '../events/gemini-event.js';
import type { JobKind } from './job-kind.js';
import { JOB_KINDS } from './job-kinds.js';
import type { JobState } from './job.js';

type EventType = Pick<GeminiEvent, 'type'>;

const STATE_BY_EVENT: ReadonlyMap<string, JobState> = new Map(
  JOB_KINDS.flatMap(({ events }) =>
    Object.entries(events).map(([state, type]) => [type, state as JobState] as const),
  ),
);

/** @returns the final state that an event announces; undefined for an event that others follow. */
export function announcedState({ type }: EventType): JobState | undefined {
  return STATE_BY_EVENT.get(type);
}

/** Kinds of jobs that send events of this family (`batch.…`); empty for an unknown type. */
export function kindsOfEvent({ type }: EventType): readonly JobKind[] {
  const family = `${type.split('.', 1)[0]}.`;
  return JOB_KINDS.filter(({ events }) =>
    Object.values(events).some((each) => each.startsWith(family)),
  );
}
