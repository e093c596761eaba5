import type { ProblemCode, StatusOf } from './problem-codes.js';

/** An error answer of the internal API. `ProblemFilter` writes it as problem details (RFC 9457). */
export class ProblemException<Code extends ProblemCode = ProblemCode> extends Error {
  override readonly name = 'ProblemException';

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
