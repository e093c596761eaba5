import type { NetworkFault } from '../fault-proxy.js';
import { nothingToHeal, type Inject } from './fault.js';

/** Time before a failover whose writes are lost, in ms. */
const LAST_WRITES_MS = 300;

/** Kills Redis. It is empty after the restart. */
export const redisKill: Inject = async ({ world: { redis } }) => {
  await redis.kill();
  return () => redis.restart();
};

export const redisHang: Inject = async ({ world: { redis } }) => {
  await redis.pause();
  return () => redis.resume();
};

export const redisWipe: Inject = async ({ world: { redis } }) => {
  await redis.wipe();
  return nothingToHeal;
};

export const redisFailover: Inject = async ({ world: { redis } }) => {
  await redis.failOver(LAST_WRITES_MS);
  return nothingToHeal;
};

export function onTheWayToRedis(fault: NetworkFault): Inject {
  return async ({ world: { redis } }) => {
    redis.proxy.strike(fault);
    return async () => redis.proxy.heal();
  };
}
