import { isAccepted, type DeliveryAttempt } from './delivery.js';

type Predicate = (attempt: DeliveryAttempt) => boolean;

interface Waiter {
  readonly satisfied: Predicate;
  readonly resolve: (attempt: DeliveryAttempt) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** The attempts that have ended, oldest first. Callers can wait for one. */
export class AttemptLog {
  private readonly attempts: DeliveryAttempt[] = [];
  private readonly waiters = new Set<Waiter>();

  /** @param remembered number of attempts that are kept; older ones are dropped */
  constructor(private readonly remembered: number) {}

  all(): readonly DeliveryAttempt[] {
    return this.attempts;
  }

  add(attempt: DeliveryAttempt): void {
    this.attempts.push(attempt);
    if (this.attempts.length > this.remembered) this.attempts.shift();
    for (const waiter of this.waiters) {
      if (waiter.satisfied(attempt)) this.remove(waiter).resolve(attempt);
    }
  }

  /** The first attempt that satisfies the predicate, among past and future ones. @throws {Error} after the timeout */
  waitFor(satisfied: Predicate, timeoutMs: number): Promise<DeliveryAttempt> {
    const past = this.attempts.find((attempt) => satisfied(attempt));
    if (past) return Promise.resolve(past);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.remove(waiter).reject(this.missing(timeoutMs));
      }, timeoutMs);
      const waiter: Waiter = { satisfied, resolve, reject, timer };
      this.waiters.add(waiter);
    });
  }

  close(): void {
    for (const waiter of this.waiters) {
      this.remove(waiter).reject(new Error('the emulator was stopped'));
    }
  }

  private remove(waiter: Waiter): Waiter {
    clearTimeout(waiter.timer);
    this.waiters.delete(waiter);
    return waiter;
  }

  private missing(timeoutMs: number): Error {
    const accepted = this.attempts.filter(isAccepted).length;
    const last = this.attempts.at(-1);
    const end = last ? `, the last: ${last.status ?? last.error} ${last.answer}` : '';
    return new Error(
      `no attempt satisfied the predicate within ${timeoutMs} ms (${this.attempts.length} attempts, ${accepted} accepted${end})`,
    );
  }
}
