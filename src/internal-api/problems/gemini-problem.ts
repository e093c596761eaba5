import type { GeminiError } from '../../gemini/gemini.error.js';
import { ProblemException } from './problem.exception.js';

const DEFAULT_RETRY_SECONDS = 30;

/** What the caller of a submission is told that Gemini did not answer with a job. */
export function submissionProblem(id: string, error: GeminiError): ProblemException {
  if (error.effect === 'refused') return geminiProblem(error, { id });
  const detail = `${error.message}; it may have taken the job, which is being found out: the same Idempotency-Key tells`;
  const code = 'gemini-outcome-unknown';
  return error.status === 503
    ? new ProblemException(503, code, detail, later(error), { id, ...saidIn(error) })
    : new ProblemException(504, code, detail, {}, { id, ...saidIn(error) });
}

/** Gemini did not do what it was asked for, and that is all: it can be asked again. */
export function geminiProblem(error: GeminiError, more: object = {}): ProblemException {
  const { status, message } = error;
  const said = { ...more, ...saidIn(error) };
  if (status === 429) {
    const detail = 'Gemini takes no more for now';
    return new ProblemException(429, 'gemini-rate-limited', detail, later(error), said);
  }
  const wasNotSent = status === undefined && error.effect === 'refused';
  if (status === 503 || wasNotSent) {
    return new ProblemException(503, 'gemini-unavailable', message, later(error), said);
  }
  if (error.effect === 'unknown') {
    return new ProblemException(504, 'gemini-unavailable', message, {}, said);
  }
  // A bad key is not the caller's fault. A 403 may be: a file that is not there is answered so
  return new ProblemException(
    status === 401 ? 502 : 422,
    'gemini-refused',
    message,
    {},
    said,
  );
}

function later({ retryAfterSeconds = DEFAULT_RETRY_SECONDS }: GeminiError) {
  return { 'Retry-After': String(retryAfterSeconds) };
}

function saidIn({ status, reason }: GeminiError): Record<string, unknown> {
  return {
    ...(status === undefined ? {} : { geminiStatus: status }),
    ...(reason === undefined ? {} : { geminiMessage: reason }),
  };
}
