import type { Stage } from './schedule.js';

/** The part that a fault breaks. Each part has one fault at a time, so that the end of one does not end another. */
export type Part =
  'broker' | 'network' | 'topics' | 'redis' | 'jwks' | 'replica' | 'clock';

/** The target of a fault: one broker or replica by its number, or all at once. */
export type Aim = 'one' | 'one or all' | 'all';

export interface FaultKind {
  readonly part: Part;
  readonly aim: Aim;
  /** Duration in seconds. */
  readonly lasts: readonly [from: number, to: number];
  /** True if the fault is possible on that stage. Absent: on every stage. */
  readonly suits?: (stage: Stage) => boolean;
}

const threeBrokers = ({ brokers }: Stage): boolean => brokers === 3;
/** True if the bridge uses Redis: always with the store `redis`, with `log` only for the leases of several replicas. */
export const usesRedis = ({ store, replicas }: Stage): boolean =>
  store === 'redis' || (store === 'log' && replicas > 1);

const onBroker = (lasts: FaultKind['lasts']): FaultKind => ({
  part: 'broker',
  aim: 'one',
  lasts,
});
const onNetwork = (lasts: FaultKind['lasts']): FaultKind => ({
  part: 'network',
  aim: 'one or all',
  lasts,
});
const onTopics = (lasts: FaultKind['lasts'], suits?: FaultKind['suits']): FaultKind => ({
  part: 'topics',
  aim: 'all',
  lasts,
  ...(suits && { suits }),
});
const onRedis = (lasts: FaultKind['lasts']): FaultKind => ({
  part: 'redis',
  aim: 'all',
  lasts,
  suits: usesRedis,
});
const onJwks = (lasts: FaultKind['lasts']): FaultKind => ({
  part: 'jwks',
  aim: 'all',
  lasts,
});
const onReplica = (lasts: FaultKind['lasts']): FaultKind => ({
  part: 'replica',
  aim: 'one',
  lasts,
});

/** All faults of the campaign. `faults/` has what each of them does. */
export const FAULT_KINDS = {
  'broker-kill': onBroker([1, 10]),
  'broker-hang': onBroker([1, 20]),
  'broker-shutdown': onBroker([1, 8]),
  'broker-disk-full': onBroker([2, 6]),
  'not-enough-replicas': { ...onBroker([3, 12]), suits: threeBrokers },

  'net-hold': onNetwork([1, 15]),
  'net-half-open': onNetwork([1, 15]),
  'net-blackhole': onNetwork([1, 15]),
  'net-refuse': onNetwork([1, 10]),
  'net-reset': onNetwork([0, 0]),
  'net-slow': onNetwork([2, 15]),
  'net-cut-reply': onNetwork([0, 0]),

  'leader-move': onTopics([4, 6], threeBrokers),
  'min-isr-raised': onTopics([3, 12], threeBrokers),
  'message-too-large': onTopics([1, 6]),
  'topic-partitions-added': onTopics([0, 0]),

  'redis-kill': onRedis([1, 8]),
  'redis-hang': onRedis([1, 12]),
  'redis-wipe': onRedis([0, 0]),
  'redis-failover': onRedis([0, 0]),
  'redis-net-hold': onRedis([1, 12]),
  'redis-net-half-open': onRedis([1, 10]),
  'redis-net-refuse': onRedis([1, 8]),

  'jwks-500': onJwks([2, 15]),
  'jwks-hang': onJwks([2, 15]),
  'jwks-empty': onJwks([2, 15]),
  'jwks-rotated': onJwks([0, 0]),

  'replica-kill': onReplica([0, 8]),
  'replica-term': onReplica([0, 4]),
  'replica-stop': onReplica([1, 15]),
  'replica-stall': onReplica([1, 12]),

  'clock-skew': { part: 'clock', aim: 'one', lasts: [3, 15] },
} as const satisfies Record<string, FaultKind>;

export type FaultName = keyof typeof FAULT_KINDS;

export const FAULT_NAMES = Object.keys(FAULT_KINDS) as FaultName[];

export function kindOf(fault: FaultName): FaultKind {
  return FAULT_KINDS[fault];
}

/** `target` of a fault that is aimed at all brokers or replicas. */
export const ALL = -1;
