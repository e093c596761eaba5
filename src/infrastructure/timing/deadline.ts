/** The work has no outcome within the ack budget. It goes on, and a repeat joins it. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/**
 * The result of `work`, if it comes before the deadline. The deadline does not stop `work`.
 *
 * @param deadline on the clock of `performance.now()`, in ms.
 * @throws {DeadlineError} or what `work` throws.
 */
export function withDeadline<T>(work: Promise<T>, deadline: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new DeadlineError('ack budget spent')),
      deadline - performance.now(),
    );
    const settle = <V>(end: (value: V) => void) => {
      return (value: V): void => {
        clearTimeout(timer);
        end(value);
      };
    };
    work.then(settle(resolve), settle(reject));
  });
}
