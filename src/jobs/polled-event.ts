import type { JobKind, JobSnapshot } from './job-kind.js';

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
