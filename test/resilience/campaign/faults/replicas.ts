import type { CampaignReplica } from '../replica.js';
import { nothingToHeal, type Inject, type Scene } from './fault.js';

const SKEW_MS = 10 * 60_000;

export const replicaKill: Inject = async (scene, target) => {
  const replica = replicaOf(scene, target);
  await replica.kill();
  return () => replica.start();
};

export const replicaTerm: Inject = async (scene, target) => {
  const replica = replicaOf(scene, target);
  await replica.terminate();
  return () => replica.start();
};

export const replicaStop: Inject = async (scene, target) => {
  const replica = replicaOf(scene, target);
  replica.freeze();
  return async () => replica.thaw();
};

export const replicaStall: Inject = async (scene, target, durationMs) => {
  await replicaOf(scene, target).stall(durationMs);
  return nothingToHeal;
};

/** Sets the replica's clock ahead if its number is even, else back. */
export const clockSkew: Inject = async (scene, target) => {
  const replica = replicaOf(scene, target);
  await replica.skew(target % 2 === 0 ? SKEW_MS : -SKEW_MS);
  return () => replica.skew(0);
};

function replicaOf({ replicas }: Scene, target: number): CampaignReplica {
  const replica = replicas[target];
  if (!replica) throw new Error(`no replica ${target}: the run has ${replicas.length}`);
  return replica;
}
