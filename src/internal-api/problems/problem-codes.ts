/** Every problem code of the internal API, with the HTTP statuses that it can have. */
export const PROBLEM_STATUSES = {
  malformed: [400],
  'invalid-query': [400],
  'idempotency-key-malformed': [400],
  unauthenticated: [401],
  'scope-missing': [403],
  'not-found': [404],
  'job-not-found': [404],
  'no-result': [404],
  'webhook-not-found': [404],
  'submission-in-flight': [409],
  'job-over': [409],
  'job-not-over': [409],
  'result-elsewhere': [409],
  'job-unsettled': [409],
  'webhook-exists': [409],
  'webhook-busy': [409],
  'rotation-under-way': [409],
  'body-too-slow': [408],
  'body-too-large': [413],
  'unsupported-media-type': [415],
  'range-not-satisfiable': [416],
  'invalid-body': [422],
  'idempotency-key-reused': [422],
  'rate-limited': [429],
  'gemini-rate-limited': [429],
  internal: [500],
  'gemini-refused': [422, 502],
  'gemini-not-configured': [503],
  'vault-not-configured': [503],
  'vault-unavailable': [503],
  'identity-provider-unavailable': [503],
  overloaded: [503],
  'registry-unavailable': [503],
  'gemini-unavailable': [503, 504],
  'gemini-outcome-unknown': [503, 504],
} as const;

export type ProblemCode = keyof typeof PROBLEM_STATUSES;

export type StatusOf<Code extends ProblemCode> = (typeof PROBLEM_STATUSES)[Code][number];

/** A problem with constant texts. */
export type ProblemRow = {
  [Code in ProblemCode]: readonly [status: StatusOf<Code>, code: Code, detail: string];
}[ProblemCode];
