import type { GeminiClient } from '../../gemini/gemini.client.js';
import type { JobKind, JobSnapshot } from '../../jobs/job-kind.js';

/** Within the ack budget of a delivery. */
const LOOK_TIMEOUT_MS = 2500;

/** What Gemini says of a job while its delivery waits. @throws {GeminiError} */
export function fetchJobSnapshot(
  gemini: GeminiClient,
  kind: JobKind,
  name: string,
): Promise<JobSnapshot> {
  return gemini.ask(kind.statusRequest(name), LOOK_TIMEOUT_MS, (answer) =>
    kind.parseStatus(answer),
  );
}
