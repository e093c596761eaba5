import type { GeminiError } from '../../gemini/gemini.error.js';
import { ProblemException } from './problem.exception.js';

const DEFAULT_RETRY_SECONDS = 30;

/** The answer to a submission that Gemini did not confirm. @param id the job of the submission. */
export function submissionProblem(id: string, error: GeminiError): ProblemException {
  if (error.effect === 'refused') return geminiProblem(error, { id });
  const detail = `${error.message}, so it may have accepted the job. The bridge searches for it: repeat the call with the same Idempotency-Key`;
  const code = 'gemini-outcome-unknown';
  return error.status === 503
    ? new ProblemException(503, code, detail, retryAfter(error), {
        id,
        ...geminiMembers(error),
      })
    : new ProblemException(504, code, detail, {}, { id, ...geminiMembers(error) });
}

/** The answer to a failed call that is safe to repeat. @param more further members of the answer. */
export function geminiProblem(error: GeminiError, more: object = {}): ProblemException {
  const { status, message } = error;
  const members = { ...more, ...geminiMembers(error) };
  if (status === 429) {
    const detail = 'Gemini limits the rate of calls';
    return new ProblemException(
      429,
      'gemini-rate-limited',
      detail,
      retryAfter(error),
      members,
    );
  }
  const wasNotSent = status === undefined && error.effect === 'refused';
  if (status === 503 || wasNotSent) {
    return new ProblemException(
      503,
      'gemini-unavailable',
      message,
      retryAfter(error),
      members,
    );
  }
  if (error.effect === 'unknown') {
    return new ProblemException(504, 'gemini-unavailable', message, {}, members);
  }
  // 401 means that the bridge's key is bad: 502. 403 can be the caller's fault, for a missing file: 422
  return new ProblemException(
    status === 401 ? 502 : 422,
    'gemini-refused',
    message,
    {},
    members,
  );
}

function retryAfter({ retryAfterSeconds = DEFAULT_RETRY_SECONDS }: GeminiError) {
  return { 'Retry-After': String(retryAfterSeconds) };
}

function geminiMembers({ status, reason }: GeminiError): Record<string, unknown> {
  return {
    ...(status === undefined ? {} : { geminiStatus: status }),
    ...(reason === undefined ? {} : { geminiMessage: reason }),
  };
}
