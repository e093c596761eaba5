import { ProblemException } from './problem.exception.js';

/** An issue of a Zod schema. */
export interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** 422 with the JSON Pointer of every fault. @param detail names the expected body. */
export function invalidBody(detail: string, faults: readonly Fault[]): ProblemException {
  const errors = faults.map(({ path, message }) => ({
    pointer: `/${path.join('/')}`,
    detail: message,
  }));
  return new ProblemException(422, 'invalid-body', detail, {}, { errors });
}

/** 400 with the query parameter of every fault. */
export function invalidQuery(faults: readonly Fault[]): ProblemException {
  const errors = faults.map(({ path, message }) => ({
    parameter: path.join('.'),
    detail: message,
  }));
  return new ProblemException(
    400,
    'invalid-query',
    'the query is not valid',
    {},
    { errors },
  );
}
