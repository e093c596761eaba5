import { ProblemException } from './problem.exception.js';

/** What a schema says is wrong, and where. */
export interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** 422 with every fault by its place in the body. @param detail what the body should have been. */
export function invalidBody(detail: string, faults: readonly Fault[]): ProblemException {
  const errors = faults.map(({ path, message }) => ({
    pointer: `/${path.join('/')}`,
    detail: message,
  }));
  return new ProblemException(422, 'invalid-body', detail, {}, { errors });
}

/** 400 with every fault by the query's parameter. */
export function invalidQuery(faults: readonly Fault[]): ProblemException {
  const errors = faults.map(({ path, message }) => ({
    parameter: path.join('.'),
    detail: message,
  }));
  return new ProblemException(
    400,
    'invalid-query',
    'the query is not understood',
    {},
    { errors },
  );
}
