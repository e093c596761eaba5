import { invalid } from './api-error.js';

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
  /** Of `delay`. Real milliseconds, default 1000. */
  readonly delayMs?: number;
}

interface Planned {
  readonly route: string;
  readonly fault: Fault;
  times: number;
}

/** What goes wrong with the next calls of a route. */
export class FaultPlan {
  private planned: Planned[] = [];

  /** @param route a route's name as `batches.create`, or `*` for any of the API (not the key set, not control) */
  add(route: string, fault: Fault, times = 1): void {
    if (!FAULT_KINDS.includes(fault.kind)) throw invalid(`unknown fault: ${fault.kind}`);
    this.planned.push({ route, fault, times });
  }

  clear(): void {
    this.planned = [];
  }

  /** The fault of this call, if one is due. The oldest plan comes first. */
  next(route: string): Fault | undefined {
    const anyMeansThis = !route.startsWith('emulator.') && route !== 'jwks';
    const found = this.planned.find(
      (plan) => plan.route === route || (plan.route === '*' && anyMeansThis),
    );
    if (!found) return undefined;
    found.times--;
    if (found.times <= 0) this.planned = this.planned.filter((plan) => plan !== found);
    return found.fault;
  }

  all(): readonly Readonly<Planned>[] {
    return this.planned;
  }
}
