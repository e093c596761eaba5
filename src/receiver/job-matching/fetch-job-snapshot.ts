import type { GeminiClient } from '../../gemini/gemini.client.js';
import type { JobKind, Sighting } from '../../jobs/job-kind.js';

/** Within the ack budget of a delivery. */
const LOOK_TIMEOUT_MS = 2500;

/** What Gemini says of a job while its delivery waits. @throws {GeminiError} */
export function sightingOf(
  gemini: GeminiClient,
  kind: JobKind,
  name: string,
): Promise<Sighting> {
  return gemini.ask(kind.look(name), LOOK_TIMEOUT_MS, (answer) => kind.seen(answer));
}
