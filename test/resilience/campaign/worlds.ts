import { World } from './world.js';

/** The worlds of one worker, by number of brokers. The first run that needs a world starts it. Later runs reuse it. */
export class Worlds implements AsyncDisposable {
  private readonly worlds = new Map<1 | 3, World>();

  async with(brokers: 1 | 3): Promise<World> {
    const made = this.worlds.get(brokers) ?? (await World.start(brokers));
    this.worlds.set(brokers, made);
    return made;
  }

  /** Ends a world that a failed run may have damaged. The next run gets a new one. */
  async discard(brokers: 1 | 3): Promise<void> {
    const world = this.worlds.get(brokers);
    this.worlds.delete(brokers);
    await world?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.worlds.keys(), (brokers) => this.discard(brokers)));
  }
}
