import type { FaultSpan } from './journal.js';
import type { Excuse } from './oracle.js';
import type { Store } from './schedule.js';

/** Time before a fault in which an attempt may still be under way when the fault begins, in ms. */
const MARGIN_MS = 3000;
/** Time after a fault in which connections are made again and late answers come, in ms. */
const SETTLE_MS = 10_000;
/** A claim outlasts the ack budget by this, in ms. */
const LEASE_MARGIN_MS = 8000;

/**
 * Shortest standstill of the sender's process that the bridge may notice, in ms. The proxies run in that process, and
 * the bridge waits half a second for Redis.
 */
const NOTICED_STANDSTILL_MS = 250;

const KAFKA_TROUBLE = /^(broker-|net-|not-enough|min-isr|leader)/;
const REDIS_FORGETS = ['redis-kill', 'redis-wipe', 'redis-failover'];
const STANDS_STILL = ['replica-stop', 'replica-stall', 'redis-net-hold', 'redis-hang'];
/** A record that the broker refuses makes the bridge replace its producer. */
const REPLACES_PRODUCER = 'message-too-large';
const ENDS_PROCESS = ['replica-kill', 'replica-term'];

/** The cases of docs/guarantees.md, "Remaining duplicates", that these faults allow, with their time windows. */
export function excusesOf(
  store: Store,
  faults: readonly FaultSpan[],
  ackBudgetMs: number,
): Excuse[] {
  return faults.flatMap((fault) => [
    ...(fault.name === 'clock-skew' ? [around('clock', fault)] : []),
    ...(store !== 'log' && fault.name === REPLACES_PRODUCER
      ? [around('the producer was replaced', fault)]
      : []),
    ...(store === 'memory' ? ofMemory(fault) : []),
    ...(store === 'redis' ? ofRedis(fault, faults, ackBudgetMs + LEASE_MARGIN_MS) : []),
  ]);
}

function ofMemory(fault: FaultSpan): Excuse[] {
  if (!ENDS_PROCESS.includes(fault.name)) return [];
  return [{ ...around('memory: the process ended', fault), forgets: true }];
}

function ofRedis(
  fault: FaultSpan,
  faults: readonly FaultSpan[],
  leaseMs: number,
): Excuse[] {
  const { name, from, to } = fault;
  const excuses: Excuse[] = [];
  const stoodStill = name === 'standstill' && to - from > NOTICED_STANDSTILL_MS;
  if (name.startsWith('redis-') || stoodStill) {
    const forgets = REDIS_FORGETS.includes(name);
    excuses.push({ ...around('redis: lost keys or out of reach', fault), forgets });
  }
  if (STANDS_STILL.includes(name) && to - from + MARGIN_MS > leaseMs) {
    excuses.push(around('a replica stood still', fault));
  }
  if (ENDS_PROCESS.includes(name)) {
    const killed = { from: from - MARGIN_MS, to: from + MARGIN_MS };
    excuses.push({ name: 'killed between produce and confirm', ...killed });
    const unanswered = faults.filter((other) => owesAnswers(other, from));
    excuses.push(
      ...unanswered.map((other) => around('killed while Kafka owed an answer', other)),
    );
  }
  return excuses;
}

/** True if this fault kept Kafka from answering when the process ended. */
function owesAnswers({ name, from, to }: FaultSpan, at: number): boolean {
  return KAFKA_TROUBLE.test(name) && from <= at + MARGIN_MS && at <= to + SETTLE_MS;
}

function around(name: string, { from, to }: FaultSpan): Excuse {
  return { name, from: from - MARGIN_MS, to: to + SETTLE_MS };
}
