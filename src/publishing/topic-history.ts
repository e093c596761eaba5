/** What stands in a partition is known but for what came within this time, in ms; else it is not written to. */
export const MAX_LAG_MS = 3000;

/**
 * What is known of the log that the bridge writes: whether its content can be vouched for.
 * Abstract class: a type and an injection token in one.
 */
export abstract class TopicHistory {
  /**
   * True when all that may stand in the partition was known at `askedAt`, and has been since:
   * an id that was not known then is not there.
   *
   * @param askedAt on the clock of `performance.now()`, in ms.
   */
  abstract isCurrentSince(topic: string, partition: number, askedAt: number): boolean;

  /** These records are ours: they need not be read to be known. */
  abstract recordAppended(
    topic: string,
    partition: number,
    baseOffset: number,
    records: number,
  ): void;

  /** Undefined while records can be vouched for, else why not. */
  abstract get unready(): string | undefined;
}

/** Where something else remembers what was published. */
export class NoTopicHistory extends TopicHistory {
  override isCurrentSince(): boolean {
    return true;
  }

  override recordAppended(): void {}

  override get unready(): undefined {
    return undefined;
  }
}
