import { ALL, type FaultName } from './fault-kinds.js';
import type { PlannedFault, Planner } from './schedule.js';

/**
 * Picks faults that begin while others last. Overlapping faults find errors that single faults do not.
 * Times count from the start of the first fault.
 */
export function combine(planner: Planner): readonly PlannedFault[] {
  const fitting = COMBINATIONS.filter(({ faults }) =>
    faults.every((fault) => planner.canHave(fault)),
  );
  const { faults, compose } = planner.random.pick(fitting);
  const picked = faults.map((fault) => ({ fault, target: planner.targetFor(fault) }));
  return compose(picked, planner);
}

interface Aimed {
  readonly fault: FaultName;
  readonly target: number;
}

interface Combination {
  /** The first fault lasts longest. */
  readonly faults: readonly [FaultName, ...FaultName[]];
  readonly compose: (aimed: readonly Aimed[], planner: Planner) => PlannedFault[];
}

/** Starts each other fault at a random time while the first lasts. The others may end before or after it. */
function within(seconds: readonly [number, number]): Combination['compose'] {
  return (aimed, { random }) => {
    const lastsMs = Math.round(random.between(...seconds) * 1000);
    return aimed.map((one, i) => {
      if (i === 0) return { ...one, atMs: 0, durationMs: lastsMs };
      const atMs = Math.round(random.between(0.1, 0.9) * lastsMs);
      return { ...one, atMs, durationMs: random.int(500, 4000) };
    });
  };
}

/** Aims the first fault at all brokers, so that the bridge has none left. */
function everywhere(compose: Combination['compose']): Combination['compose'] {
  return ([first, ...rest], planner) =>
    compose(first ? [{ ...first, target: ALL }, ...rest] : rest, planner);
}

/** Seconds that outlast the claim of a dead or suspended replica, which holds for `ACK_BUDGET_MS` and eight seconds. */
const OVER_THE_LEASE = [11, 17] as const;
const BELOW_THE_LEASE = [3, 7] as const;

const COMBINATIONS: readonly Combination[] = [
  { faults: ['broker-kill', 'replica-kill'], compose: within(BELOW_THE_LEASE) },
  { faults: ['broker-hang', 'replica-kill'], compose: within(BELOW_THE_LEASE) },
  { faults: ['broker-hang', 'replica-kill'], compose: within(OVER_THE_LEASE) },
  { faults: ['broker-hang', 'replica-term'], compose: within(OVER_THE_LEASE) },
  { faults: ['broker-hang', 'replica-stop'], compose: within(OVER_THE_LEASE) },
  { faults: ['net-hold', 'replica-kill'], compose: everywhere(within(OVER_THE_LEASE)) },
  { faults: ['net-half-open', 'replica-kill'], compose: everywhere(within([3, 10])) },
  { faults: ['net-blackhole', 'broker-kill'], compose: within([4, 10]) },
  { faults: ['net-slow', 'replica-kill'], compose: everywhere(within([4, 10])) },
  { faults: ['min-isr-raised', 'broker-kill'], compose: within([4, 10]) },
  { faults: ['min-isr-raised', 'broker-hang'], compose: within([4, 10]) },
  { faults: ['not-enough-replicas', 'replica-kill'], compose: within([4, 12]) },
  { faults: ['replica-stop', 'redis-wipe'], compose: within([3, 14]) },
  { faults: ['replica-stop', 'redis-failover'], compose: within([9, 14]) },
  { faults: ['replica-stall', 'redis-wipe'], compose: within([3, 12]) },
  { faults: ['redis-hang', 'replica-kill'], compose: within([3, 12]) },
  { faults: ['broker-hang', 'redis-wipe'], compose: within(OVER_THE_LEASE) },
  {
    faults: ['broker-hang', 'redis-kill', 'replica-kill'],
    compose: within(OVER_THE_LEASE),
  },
  { faults: ['net-hold', 'redis-net-hold'], compose: everywhere(within([4, 12])) },
];
