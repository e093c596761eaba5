import { EventEmitter, once } from 'node:events';
import { jobsTopic } from '../../src/events/event-topics.js';
import {
  EventPublisher,
  PublishError,
  type EventRecord,
  type PublishFault,
  type RecordPosition,
} from '../../src/publishing/event-publisher.js';

/** An event publisher that records events. A test can make it wait or fail. */
export class RecordingPublisher extends EventPublisher {
  readonly records: EventRecord[] = [];
  override unready: string | undefined = undefined;
  private readonly faults: PublishFault[] = [];
  private gate: Promise<unknown> = Promise.resolve();
  private calls = 0;
  private readonly waiters: { calls: number; resolve: () => void }[] = [];

  /** Records of deliveries, without lifecycle events of jobs, which do not depend on the deliveries. */
  get delivered(): readonly EventRecord[] {
    return this.records.filter(({ topic }) => topic !== jobsTopic('gemini'));
  }

  override async publish(record: EventRecord): Promise<RecordPosition> {
    this.calls++;
    for (const { calls, resolve } of this.waiters) if (this.calls >= calls) resolve();
    await this.gate;
    const fault = this.faults.shift();
    if (fault) throw new PublishError(fault);
    const offset = this.records.push(record) - 1;
    return { partition: 0, offset };
  }

  /** Makes publications wait until the returned function is called. */
  hold(): () => void {
    const opened = new EventEmitter();
    this.gate = once(opened, 'open');
    return () => void opened.emit('open');
  }

  /** Makes the next publications fail, one per fault. */
  fail(...faults: PublishFault[]): void {
    this.faults.push(...faults);
  }

  /** Clears records, faults and the count of calls. */
  reset(): void {
    this.records.length = 0;
    this.faults.length = 0;
    this.calls = 0;
    this.gate = Promise.resolve();
  }

  /** Resolves after `calls` calls of `publish` since the start or the last `reset`. */
  called(calls: number): Promise<void> {
    if (this.calls >= calls) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ calls, resolve }));
  }
}
