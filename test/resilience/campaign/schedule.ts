import { ALL, FAULT_NAMES, kindOf, type FaultName, type Part } from './fault-kinds.js';
import { Random } from './random.js';
import { combine } from './combinations.js';

export type Store = 'log' | 'redis' | 'memory';

/** The set-up of a run without its faults. */
export interface Stage {
  readonly store: Store;
  /** `DEDUPE_ON_ERROR`, which applies to the store `redis`. */
  readonly onDedupeError: 'publish' | 'refuse';
  readonly brokers: 1 | 3;
  readonly replicas: 1 | 2 | 3;
  /** Duration of the load. */
  readonly seconds: number;
  /** New events a second. */
  readonly perSecond: number;
  readonly ackBudgetMs: number;
}

export interface PlannedFault {
  readonly fault: FaultName;
  /** Number of the broker or the replica, from 0. `ALL` for all, and for parts that exist once. */
  readonly target: number;
  /** Time from the start of the load. */
  readonly atMs: number;
  readonly durationMs: number;
}

export interface Schedule extends Stage {
  readonly seed: number;
  /** In the order of their starts. */
  readonly faults: readonly PlannedFault[];
}

export interface ScheduleOptions {
  readonly store?: Store;
  readonly seconds?: number;
  readonly perSecond?: number;
  readonly brokers?: 1 | 3;
  /** True adds faults of the replicas' clocks. By default the seed decides. */
  readonly clockFaults?: boolean;
  /** Exactly these faults, one after another, instead of the seed's. */
  readonly only?: readonly FaultName[];
  /** Duration of each fault of `only`. */
  readonly faultSeconds?: number;
}

export const STORES: readonly Store[] = ['log', 'redis', 'memory'];
const SECONDS = 60;
const EVENTS_PER_SECOND = 60;
const ACK_BUDGET_MS = 2000;
/** Time between two faults of the same part. A broker needs it to restart. */
const GAP_MS = 5000;
const TRIES = 30;
/** Parts that single faults break. The more important ones are listed twice, so that they are picked more often. */
const PARTS: readonly Part[] = [
  'broker',
  'broker',
  'network',
  'network',
  'topics',
  'redis',
  'redis',
  'jwks',
  'replica',
  'replica',
];

/** The schedule of a seed. The same seed and options give the same schedule on any machine. */
export function scheduleOf(seed: number, options: ScheduleOptions = {}): Schedule {
  const random = new Random(seed);
  const stage = stageOf(seed, options, random.fork('stage'));
  const planner = new Planner(stage, random.fork('faults'));
  const clockFaults = options.clockFaults ?? random.fork('clock').chance(0.1);
  const faults = options.only
    ? planner.inARow(options.only, options.faultSeconds)
    : planner.plan(clockFaults && planner.canHave('clock-skew'));
  return { seed, ...stage, faults: faults.toSorted((a, b) => a.atMs - b.atMs) };
}

function stageOf(seed: number, options: ScheduleOptions, random: Random): Stage {
  const store = options.store ?? STORES[seed % STORES.length] ?? 'log';
  const brokers = random.chance(1 / 3) ? 3 : 1;
  const replicas = random.pick([1, 2, 2, 3] as const);
  return {
    store,
    onDedupeError: random.pick(['publish', 'refuse'] as const),
    brokers: options.brokers ?? brokers,
    replicas: store === 'memory' ? 1 : replicas,
    seconds: options.seconds ?? SECONDS,
    perSecond: options.perSecond ?? EVENTS_PER_SECOND,
    ackBudgetMs: ACK_BUDGET_MS,
  };
}

/** Plans faults at times at which they do not collide. */
export class Planner {
  private readonly planned: PlannedFault[] = [];
  private readonly firstMs: number;
  private readonly lastMs: number;

  constructor(
    readonly stage: Stage,
    readonly random: Random,
  ) {
    const ms = stage.seconds * 1000;
    this.firstMs = Math.round(Math.min(5000, ms / 6));
    this.lastMs = Math.round(ms - Math.min(10_000, ms / 5));
  }

  canHave(fault: FaultName): boolean {
    return kindOf(fault).suits?.(this.stage) ?? true;
  }

  /** Plans three to six faults. In two runs of three some of them overlap. */
  plan(clockFaults: boolean): readonly PlannedFault[] {
    const { random } = this;
    const wanted = random.int(3, this.stage.seconds >= 40 ? 6 : 3);
    if (random.chance(2 / 3)) this.placeTogether(combine(this));
    if (clockFaults) this.placeSingle('clock-skew');
    for (let tries = 0; this.planned.length < wanted && tries < TRIES; tries++) {
      const part = random.pick(PARTS);
      const fitting = FAULT_NAMES.filter((name) => {
        return kindOf(name).part === part && this.canHave(name);
      });
      if (fitting.length > 0) this.placeSingle(random.pick(fitting));
    }
    return this.planned;
  }

  inARow(faults: readonly FaultName[], seconds?: number): readonly PlannedFault[] {
    const step = (this.lastMs - this.firstMs) / Math.max(1, faults.length);
    return faults.map((fault, i) => ({
      fault,
      target: this.targetFor(fault),
      atMs: Math.round(this.firstMs + i * step),
      durationMs:
        seconds === undefined
          ? Math.min(this.durationFor(fault), Math.round(step * 0.7))
          : seconds * 1000,
    }));
  }

  durationFor(fault: FaultName): number {
    const [from, to] = kindOf(fault).lasts;
    const longest = Math.min(to, (this.lastMs - this.firstMs) / 2000);
    return Math.round(this.random.between(Math.min(from, longest), longest) * 1000);
  }

  targetFor(fault: FaultName): number {
    const { part, aim } = kindOf(fault);
    if (aim === 'all' || (aim === 'one or all' && this.random.chance(0.5))) return ALL;
    const ofReplicas = part === 'replica' || part === 'clock';
    const count = ofReplicas ? this.stage.replicas : this.stage.brokers;
    return this.random.int(0, count - 1);
  }

  private placeSingle(fault: FaultName): void {
    const durationMs = this.durationFor(fault);
    this.placeTogether([{ fault, target: this.targetFor(fault), atMs: 0, durationMs }]);
  }

  /** Moves the faults together to a time at which none collides with another. Drops them if there is no such time. */
  private placeTogether(faults: readonly PlannedFault[]): void {
    const lengthMs = Math.max(...faults.map(endOf));
    const latest = this.lastMs - lengthMs;
    if (latest < this.firstMs) return;
    for (let tries = 0; tries < TRIES; tries++) {
      const shift = this.random.int(this.firstMs, latest);
      const moved = faults.map((fault) => ({ ...fault, atMs: fault.atMs + shift }));
      if (moved.some((fault) => this.planned.some((other) => collide(fault, other))))
        continue;
      this.planned.push(...moved);
      return;
    }
  }
}

function endOf({ atMs, durationMs }: PlannedFault): number {
  return atMs + durationMs;
}

/** True for two faults of one part that leave it no time to recover in between. Each replica is a part of its own. */
function collide(a: PlannedFault, b: PlannedFault): boolean {
  const { part } = kindOf(a.fault);
  if (part !== kindOf(b.fault).part) return false;
  if ((part === 'replica' || part === 'clock') && a.target !== b.target) return false;
  return a.atMs < endOf(b) + GAP_MS && b.atMs < endOf(a) + GAP_MS;
}
