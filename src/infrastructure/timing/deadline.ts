/** No outcome within the ack budget. What is under way goes on, and a repeat will join it. */
export class AckBudgetError extends Error {
  override readonly name = 'AckBudgetError';
}

/**
 * The outcome of `work`, if it comes in time; `work` itself is not stopped.
 *
 * @param deadline on the clock of `performance.now()`, in ms.
 * @throws {AckBudgetError} or what `work` throws.
 */
export function withinBudget<T>(work: Promise<T>, deadline: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new AckBudgetError('ack budget spent')),
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
