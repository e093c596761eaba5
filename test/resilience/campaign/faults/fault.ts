import type { CampaignReplica } from '../replica.js';
import type { World } from '../world.js';

/** What a fault can lay its hands on. */
export interface Scene {
  readonly world: World;
  readonly replicas: readonly CampaignReplica[];
  /** Of the run. */
  readonly topics: readonly string[];
  readonly minIsr: number;
}

/** Ends the fault; resolves when what was broken is back, though perhaps not yet at work. */
export type Heal = () => Promise<void>;

/** @param target number of the broker or the replica, or `ALL`. */
export type Inject = (scene: Scene, target: number, durationMs: number) => Promise<Heal>;

/** For faults that are over as soon as they have happened. */
export const nothingToHeal: Heal = async () => undefined;
