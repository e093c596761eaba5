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
/** A fault shows for as long after its end: a process that listens again is not yet at work. */
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

/** All of them, each at its time; resolves when the last is mended. */
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
      // On a slow machine a broker may need longer to come back than was planned
      await Promise.all([before, delay(startMs + fault.atMs - performance.now())]);
      await carryOut(fault, scene, journal);
    };
    const carriedOut = run();
    parts.set(part, carriedOut);
    return carriedOut;
  });
  // Not before the others are over: what they break must not outlast this
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

/** What is broken at most once at a time. */
function partOf({ fault, target }: PlannedFault): string {
  const { part } = kindOf(fault);
  return part === 'replica' || part === 'clock' ? `${part} ${target}` : part;
}

/** As the journal calls it; a broker by Kafka's number for it, which counts from 1. */
export function nameOfTarget({ fault, target }: PlannedFault): string {
  const { part } = kindOf(fault);
  if (part === 'replica' || part === 'clock') return replicaName(target);
  if (part === 'broker' || part === 'network') {
    return target === ALL ? 'all brokers' : `broker-${target + 1}`;
  }
  return part;
}
