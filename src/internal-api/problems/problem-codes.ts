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

/** The cause of each problem, for the documentation. */
export const PROBLEM_CAUSES: Readonly<Record<ProblemCode, string>> = {
  malformed: 'the body is not JSON, or the path is not UTF-8',
  'invalid-query': 'the query has an unknown parameter or an invalid value',
  'idempotency-key-malformed': 'Idempotency-Key is not 1 to 255 visible ASCII characters',
  unauthenticated: 'the bearer token is missing, invalid or expired',
  'scope-missing': 'the caller lacks the scope of this operation',
  'not-found': 'there is no such path',
  'job-not-found': 'there is no such job, or its retention has passed',
  'no-result': 'the job failed, or Gemini has deleted the result',
  'webhook-not-found': 'there is no such static webhook',
  'submission-in-flight': 'the same submission is in progress',
  'job-over': 'the job has ended and cannot be cancelled',
  'job-not-over': 'the job has no result yet',
  'result-elsewhere': 'the result is not at Gemini: outputFile has its URI',
  'job-unsettled': 'Gemini has not confirmed the job yet',
  'webhook-exists': 'a webhook with this URI exists, and id names it',
  'webhook-busy': 'another secret of the webhook is being issued',
  'rotation-under-way':
    'the secrets from before the last rotation are still valid: wait, or use force',
  'body-too-slow': 'the upload sent nothing for a minute',
  'body-too-large': 'the body has more than 20 MiB, or 2 GiB as JSONL',
  'unsupported-media-type': 'the encoding is not supported, or the kind takes no JSONL',
  'range-not-satisfiable': 'the result is shorter than the range',
  'invalid-body': 'the body does not fit the schema',
  'idempotency-key-reused': 'the key belongs to another submission, whose job is id',
  'rate-limited': 'the caller makes too many calls',
  'gemini-rate-limited': 'Gemini limits the rate of calls',
  internal: 'the bridge failed, and its log has the error',
  'gemini-refused': 'Gemini refused, and geminiMessage says why',
  'gemini-not-configured': 'the bridge has no GEMINI_API_KEY',
  'vault-not-configured': 'the bridge has no VAULT_KEYS_FILE',
  'vault-unavailable': 'the store of secrets cannot be read or written',
  'identity-provider-unavailable': 'the keys of the token issuer cannot be read',
  overloaded: 'this replica processes too many bodies or uploads',
  'registry-unavailable': 'Redis does not answer',
  'gemini-unavailable': 'Gemini did not answer',
  'gemini-outcome-unknown':
    'Gemini did not say whether it accepted the job: repeat the call with the same Idempotency-Key',
};

export type StatusOf<Code extends ProblemCode> = (typeof PROBLEM_STATUSES)[Code][number];

/** A problem with constant texts. */
export type ProblemRow = {
  [Code in ProblemCode]: readonly [status: StatusOf<Code>, code: Code, detail: string];
}[ProblemCode];
