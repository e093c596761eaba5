import { invalid } from '../api-error.js';
import { seededRandom, type Random } from '../random.js';

export const FAULT_KINDS = [
  /** An error instead of the work. */
  'status',
  /** No work, no answer: until the client gives up or the emulator ends. */
  'hang',
  /** The connection is cut instead of the work. */
  'drop',
  /** The work is done, then an error. */
  'accept-then-status',
  /** The work is done, its answer never comes. */
  'accept-then-hang',
  /** The work is done, then the connection is cut. */
  'accept-then-drop',
  /** All as usual, later. */
  'delay',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Of `status` and `accept-then-status`. Default 503. */
  readonly status?: number;
  /** Of an answer with an error. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of an answer with an error: says when to try again, in `Retry-After` and in `google.rpc.RetryInfo`. */
  readonly retryAfterSeconds?: number;
  /** Of `delay`. Real milliseconds, default 1000. */
  readonly delayMs?: number;
  /** That a call meets it. Default 1: every call does. */
  readonly probability?: number;
}

/** What is to go wrong, and with which calls. */
export interface PlannedFault {
  /** As `batches.create`. A star stands for anything: `*.create`, `*` (all of the API, not the key set, not control). */
  readonly route: string;
  readonly fault: Fault;
  /** How many calls are to meet it. Undefined: one, or with a probability no end of them. */
  readonly times?: number | undefined;
}

interface Plan extends PlannedFault {
  /** How many calls have met it. */
  met: number;
  readonly matches: (route: string) => boolean;
  readonly random: Random;
}

/** What goes wrong with the calls of a route. */
export class FaultPlan {
  private plans: Plan[] = [];
  private made = 0;

  /** @param routes the names that there are: a fault of another one would never be met */
  constructor(
    private readonly seed: number,
    private readonly routes: readonly string[],
  ) {}

  /** @throws {ApiError} on what cannot be met */
  add(route: string, fault: Fault, times?: number): void {
    const matches = matcher(route);
    if (!this.routes.some(matches)) {
      const known = [...new Set(this.routes.filter(matcher('*')))].join(', ');
      throw invalid(`no route is called ${route}; there are ${known}`);
    }
    check(fault, times);
    const limit = times ?? (fault.probability === undefined ? 1 : undefined);
    const random = seededRandom(this.seed, `fault ${this.made++} ${route}`);
    this.plans.push({ route, fault, times: limit, met: 0, matches, random });
  }

  clear(): void {
    this.plans = [];
  }

  /** The fault of this call, if one is due. The oldest plan comes first. */
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

  /** Those that can still be met. `times`: how often from now on. */
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
  if (!FAULT_KINDS.includes(kind)) throw invalid(`unknown fault: ${kind}`);
  if (probability !== undefined && !(probability >= 0 && probability <= 1)) {
    throw invalid(`probability must be from 0 to 1, not ${probability}`);
  }
  if (status !== undefined && !(status >= 400 && status <= 599)) {
    throw invalid(`status must be from 400 to 599, not ${status}`);
  }
  if (times !== undefined && !(Number.isInteger(times) && times > 0)) {
    throw invalid(`times must be a whole number above 0, not ${times}`);
  }
  if (!(delayMs === undefined || delayMs >= 0)) throw invalid('delay_ms is below 0');
  if (!(retryAfterSeconds === undefined || retryAfterSeconds >= 0)) {
    throw invalid('retry_after_seconds is below 0');
  }
}
