import type { ProblemCode, StatusOf } from './problem-codes.js';

/** What the internal API answers instead of a result; `code` is stable, `detail` is for people. */
export class ProblemException<Code extends ProblemCode = ProblemCode> extends Error {
  override readonly name = 'Problem';

  constructor(
    readonly status: StatusOf<Code>,
    readonly code: Code,
    detail: string,
    readonly headers: Readonly<Record<string, string>> = {},
    readonly extensions: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
  }
}
