import { EventEmitter, once } from 'node:events';
import { jobsTopic } from '../../src/events/event-topics.js';
import {
  EventPublisher,
  PublishError,
  type EventRecord,
  type PublishFault,
  type RecordPosition,
} from '../../src/publishing/event-publisher.js';

/** Keeps what it is given, and can be told to wait or to fail. */
export class RecordingPublisher extends EventPublisher {
  readonly records: EventRecord[] = [];
  override unready: string | undefined = undefined;
  private readonly faults: PublishFault[] = [];
  private gate: Promise<unknown> = Promise.resolve();
  private calls = 0;
  private readonly waiters: { calls: number; resolve: () => void }[] = [];

  /** What is about deliveries: of its jobs the bridge tells in its own time. */
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

  /** What is published from now on waits until the answer is called. */
  hold(): () => void {
    const opened = new EventEmitter();
    this.gate = once(opened, 'open');
    return () => void opened.emit('open');
  }

  /** The next publications fail. */
  fail(...faults: PublishFault[]): void {
    this.faults.push(...faults);
  }

  /** Forgets what was recorded and called. */
  reset(): void {
    this.records.length = 0;
    this.faults.length = 0;
    this.calls = 0;
    this.gate = Promise.resolve();
  }

  /** Resolves when `publish` was called that often since the start or the reset. */
  called(calls: number): Promise<void> {
    if (this.calls >= calls) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ calls, resolve }));
  }
}
