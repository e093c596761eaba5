import type { GeminiError } from '../gemini/gemini.error.js';
import { Problem } from '../problem/problem.js';

/** What the caller of a submission is told that Gemini did not answer with a job. */
export function submissionProblem(id: string, error: GeminiError): Problem {
  const { status, reason, retryAfterSeconds, outcome } = error;
  const more = {
    id,
    ...(status === undefined ? {} : { geminiStatus: status }),
    ...(reason === undefined ? {} : { geminiMessage: reason }),
  };
  const later = {
    'Retry-After': String(retryAfterSeconds ?? 30),
  };
  if (status === 429) {
    const detail = 'Gemini takes no more for now; nothing was submitted';
    return new Problem(429, 'gemini-rate-limited', detail, later, more);
  }
  if (outcome === 'refused') {
    return new Problem(502, 'gemini-refused', error.message, {}, more);
  }
  const detail = `${error.message}; it may have taken the job, which is being found out: the same Idempotency-Key tells`;
  return status === 503
    ? new Problem(503, 'gemini-outcome-unknown', detail, later, more)
    : new Problem(504, 'gemini-outcome-unknown', detail, {}, more);
}
