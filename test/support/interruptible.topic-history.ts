import { NoTopicHistory, TopicHistory } from '../../src/publishing/topic-history.js';

/** Allows every write. A test can set the reason that the probe shows. */
export class InterruptibleTopicHistory extends TopicHistory {
  override unready: string | undefined = undefined;
  private readonly none = new NoTopicHistory();

  override isCurrentSince(): boolean {
    return this.none.isCurrentSince();
  }

  override recordAppended(): void {}

  override whenCurrent(): Promise<void> {
    return this.none.whenCurrent();
  }

  override whenDrained(): Promise<void> {
    return this.none.whenDrained();
  }
}
