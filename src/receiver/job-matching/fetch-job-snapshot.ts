import type { GeminiClient } from '../../gemini/gemini.client.js';
import type { JobKind, JobSnapshot } from '../../jobs/job-kind.js';

/** Less than the ack budget, because the delivery waits for the answer. */
const TIMEOUT_MS = 2500;

/** The state of a job at Gemini. @throws {GeminiError} */
export function fetchJobSnapshot(
  gemini: GeminiClient,
  kind: JobKind,
  name: string,
): Promise<JobSnapshot> {
  return gemini.ask(kind.statusRequest(name), TIMEOUT_MS, (answer) =>
    kind.parseStatus(answer),
  );
}
