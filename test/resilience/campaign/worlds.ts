import { World } from './world.js';

/** The worlds of one worker: each is made when a run first needs it, and serves the runs after. */
export class Worlds implements AsyncDisposable {
  private readonly worlds = new Map<1 | 3, World>();

  async with(brokers: 1 | 3): Promise<World> {
    const made = this.worlds.get(brokers) ?? (await World.start(brokers));
    this.worlds.set(brokers, made);
    return made;
  }

  /** The next run gets another: this one is not what it was. */
  async discard(brokers: 1 | 3): Promise<void> {
    const world = this.worlds.get(brokers);
    this.worlds.delete(brokers);
    await world?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.worlds.keys(), (brokers) => this.discard(brokers)));
  }
}
