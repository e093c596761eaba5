import { setTimeout as delay } from 'node:timers/promises';
import { ALL, kindOf, type FaultName } from './fault-kinds.js';
import * as brokers from './faults/brokers.js';
import type { Inject, Scene } from './faults/fault.js';
import { jwksAnswers, jwksRotated } from './faults/jwks.js';
import * as network from './faults/network.js';
import * as redis from './faults/redis.js';
import * as replicas from './faults/replicas.js';
import * as topics from './faults/topics.js';
import type { Journal } from './journal.js';
import type { PlannedFault } from './schedule.js';
import { replicaName } from './target.js';

const SLOW_MS = 300;
/** A fault counts as lasting for this long after its end, because a process that listens again is not ready yet. */
const RECOVERY_MS = 1000;

const INJECT: Readonly<Record<FaultName, Inject>> = {
  'broker-kill': brokers.brokerKill,
  'broker-hang': brokers.brokerHang,
  'broker-shutdown': brokers.brokerShutdown,
  'broker-disk-full': brokers.brokerDiskFull,
  'not-enough-replicas': brokers.notEnoughReplicas,

  'net-hold': network.onTheWayToKafka('hold'),
  'net-half-open': network.onTheWayToKafka('half-open'),
  'net-blackhole': network.onTheWayToKafka('blackhole'),
  'net-refuse': network.onTheWayToKafka('refuse'),
  'net-reset': network.reset,
  'net-slow': network.onTheWayToKafka({ delayMs: SLOW_MS }),
  'net-cut-reply': network.cutReply,

  'leader-move': topics.leaderMove,
  'min-isr-raised': topics.minIsrRaised,
  'message-too-large': topics.messageTooLarge,
  'topic-partitions-added': topics.partitionsAdded,

  'redis-kill': redis.redisKill,
  'redis-hang': redis.redisHang,
  'redis-wipe': redis.redisWipe,
  'redis-failover': redis.redisFailover,
  'redis-net-hold': redis.onTheWayToRedis('hold'),
  'redis-net-half-open': redis.onTheWayToRedis('half-open'),
  'redis-net-refuse': redis.onTheWayToRedis('refuse'),

  'jwks-500': jwksAnswers('500'),
  'jwks-hang': jwksAnswers('hang'),
  'jwks-empty': jwksAnswers('empty'),
  'jwks-rotated': jwksRotated,

  'replica-kill': replicas.replicaKill,
  'replica-term': replicas.replicaTerm,
  'replica-stop': replicas.replicaStop,
  'replica-stall': replicas.replicaStall,

  'clock-skew': replicas.clockSkew,
};

/** Carries out all faults, each at its time. Resolves when the last has ended. */
export async function carryOutAll(
  planned: readonly PlannedFault[],
  scene: Scene,
  journal: Journal,
): Promise<void> {
  const startMs = performance.now();
  const parts = new Map<string, Promise<void>>();
  const all = planned.map((fault) => {
    const part = partOf(fault);
    const before = parts.get(part) ?? Promise.resolve();
    const run = async (): Promise<void> => {
      // On a slow machine a broker may take longer to restart than planned
      await Promise.all([before, delay(startMs + fault.atMs - performance.now())]);
      await carryOut(fault, scene, journal);
    };
    const carriedOut = run();
    parts.set(part, carriedOut);
    return carriedOut;
  });
  // An error is thrown after all faults have ended, so that none of them outlasts this call
  const outcomes = await Promise.allSettled(all);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

async function carryOut(
  planned: PlannedFault,
  scene: Scene,
  journal: Journal,
): Promise<void> {
  const { fault, target, durationMs } = planned;
  const over = journal.fault(fault, nameOfTarget(planned));
  const healAt = performance.now() + durationMs;
  const heal = await INJECT[fault](scene, target, durationMs);
  await delay(Math.max(0, healAt - performance.now()));
  await heal();
  await delay(RECOVERY_MS);
  over();
}

/** The part that a fault breaks; each replica is a part of its own. */
function partOf({ fault, target }: PlannedFault): string {
  const { part } = kindOf(fault);
  return part === 'replica' || part === 'clock' ? `${part} ${target}` : part;
}

/** Name of a fault's target in the journal. Brokers have Kafka's numbers, which count from 1. */
export function nameOfTarget({ fault, target }: PlannedFault): string {
  const { part } = kindOf(fault);
  if (part === 'replica' || part === 'clock') return replicaName(target);
  if (part === 'broker' || part === 'network') {
    return target === ALL ? 'all brokers' : `broker-${target + 1}`;
  }
  return part;
}
