import { invalid } from '../api-error.js';
import { seededRandom, type Random } from '../random.js';

export const FAULT_KINDS = [
  /** The call is answered with an error, and does nothing. */
  'status',
  /** The call does nothing and is not answered. */
  'hang',
  /** The call does nothing, and its connection is cut. */
  'drop',
  /** The call does its work and is answered with an error. */
  'accept-then-status',
  /** The call does its work and is not answered. */
  'accept-then-hang',
  /** The call does its work, and its connection is cut. */
  'accept-then-drop',
  /** The call is served after a delay. */
  'delay',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** HTTP status for `status` and `accept-then-status`. Default 503. */
  readonly status?: number;
  /** Headers of the error. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Seconds in the error's `Retry-After` and `google.rpc.RetryInfo`. */
  readonly retryAfterSeconds?: number;
  /** Real milliseconds of a `delay`. Default 1000. */
  readonly delayMs?: number;
  /** Probability that a call meets the fault. Default 1. */
  readonly probability?: number;
}

/** A fault and the calls that are to meet it. */
export interface PlannedFault {
  /** Like `batches.create`. `*` stands for anything: `*.create`; `*` alone is the whole API without the JWKS and the control routes. */
  readonly route: string;
  readonly fault: Fault;
  /** Number of calls that are to meet it. Undefined: one, or all calls if the fault has a probability. */
  readonly times?: number | undefined;
}

interface Plan extends PlannedFault {
  /** Number of calls that have met it. */
  met: number;
  readonly matches: (route: string) => boolean;
  readonly random: Random;
}

/** The faults that are planned, in the order of their planning. */
export class FaultPlan {
  private plans: Plan[] = [];
  private made = 0;

  /** @param routes names of the routes; a fault for any other name is refused */
  constructor(
    private readonly seed: number,
    private readonly routes: readonly string[],
  ) {}

  /** @throws {ApiError} 400 for a fault that no call could meet */
  add(route: string, fault: Fault, times?: number): void {
    const matches = matcher(route);
    if (!this.routes.some(matches)) {
      const known = [...new Set(this.routes.filter(matcher('*')))].join(', ');
      throw invalid(`unknown route ${route}; the routes are ${known}`);
    }
    check(fault, times);
    const limit = times ?? (fault.probability === undefined ? 1 : undefined);
    const random = seededRandom(this.seed, `fault ${this.made++} ${route}`);
    this.plans.push({ route, fault, times: limit, met: 0, matches, random });
  }

  clear(): void {
    this.plans = [];
  }

  /** The fault that the next call of this route meets, from the oldest plan that matches. Counts the call. */
  next(route: string): Fault | undefined {
    const found = this.plans.find(
      ({ matches, fault, random }) =>
        matches(route) &&
        (fault.probability === undefined || random() < fault.probability),
    );
    if (!found) return undefined;
    found.met++;
    const { met, times } = found;
    if (times !== undefined && met >= times) {
      this.plans = this.plans.filter((plan) => plan !== found);
    }
    return found.fault;
  }

  /** The plans that calls can still meet; `times` is the number of calls that remain. */
  all(): readonly (PlannedFault & { readonly met: number })[] {
    return this.plans.map(({ route, fault, times, met }) => ({
      route,
      fault,
      times: times === undefined ? undefined : times - met,
      met,
    }));
  }
}

function matcher(pattern: string): (route: string) => boolean {
  if (!pattern.includes('*')) return (route) => route === pattern;
  const parts = pattern.split('*').map((part) => part.replaceAll(/\W/g, String.raw`\$&`));
  const expression = new RegExp(`^${parts.join('.*')}$`);
  return (route) =>
    expression.test(route) && !route.startsWith('emulator.') && route !== 'jwks';
}

function check(fault: Fault, times: number | undefined): void {
  const { kind, probability, status, delayMs, retryAfterSeconds } = fault;
  if (!FAULT_KINDS.includes(kind)) {
    throw invalid(
      `unknown kind of fault ${kind}; the kinds are ${FAULT_KINDS.join(', ')}`,
    );
  }
  if (probability !== undefined && !(probability >= 0 && probability <= 1)) {
    throw invalid(`probability must be from 0 to 1, not ${probability}`);
  }
  if (status !== undefined && !(status >= 400 && status <= 599)) {
    throw invalid(`status must be from 400 to 599, not ${status}`);
  }
  if (times !== undefined && !(Number.isInteger(times) && times > 0)) {
    throw invalid(`times must be a whole number above 0, not ${times}`);
  }
  if (!(delayMs === undefined || delayMs >= 0)) {
    throw invalid(`delay_ms must be 0 or more, not ${delayMs}`);
  }
  if (!(retryAfterSeconds === undefined || retryAfterSeconds >= 0)) {
    throw invalid(`retry_after_seconds must be 0 or more, not ${retryAfterSeconds}`);
  }
}
