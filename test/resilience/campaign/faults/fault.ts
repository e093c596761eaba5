import type { CampaignReplica } from '../replica.js';
import type { World } from '../world.js';

/** The parts of a run that a fault can break. */
export interface Scene {
  readonly world: World;
  readonly replicas: readonly CampaignReplica[];
  /** Topics of the run. */
  readonly topics: readonly string[];
  readonly minIsr: number;
}

/** Ends a fault. Resolves when the broken part runs again; it may not be ready yet. */
export type Heal = () => Promise<void>;

/** Begins a fault. @param target number of the broker or the replica, or `ALL` */
export type Inject = (scene: Scene, target: number, durationMs: number) => Promise<Heal>;

/** End of a fault that needs no repair. */
export const nothingToHeal: Heal = async () => undefined;
