import type { GeminiEvent } from '../event/gemini-event.js';

/** Where a job is in its life. `unknown`: Gemini did not say whether it took it. */
export type JobState =
  | 'submitting'
  | 'submitted'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'expired'
  | 'unknown';

/** A job that was submitted through the bridge. Times are RFC 3339. */
export interface KnownJob {
  readonly id: string;
  readonly kind: 'batch';
  readonly state: JobState;
  readonly correlationId: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** `batches/…`, once Gemini has given it a name. */
  readonly geminiName?: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly lastEvent?: {
    readonly type: string;
    readonly webhookId: string;
    readonly at: string;
  };
  /** Why it could not be submitted. */
  readonly error?: string;
}

/** The jobs that are ours. */
export abstract class JobRegistry {
  abstract put(job: KnownJob): Promise<void>;

  abstract find(id: string): Promise<KnownJob | undefined>;

  /** Changes what is given and `updatedAt`. A job that is not there stays so. */
  abstract update(id: string, change: Partial<KnownJob>): Promise<void>;

  /** An event of the job is on Kafka. */
  async noteEvent(id: string, { type }: GeminiEvent, webhookId: string): Promise<void> {
    const state = STATE_BY_EVENT.get(type);
    const lastEvent = { type, webhookId, at: new Date().toISOString() };
    await this.update(id, { lastEvent, ...(state ? { state } : {}) });
  }
}

const STATE_BY_EVENT: ReadonlyMap<string, JobState> = new Map([
  ['batch.succeeded', 'succeeded'],
  ['batch.failed', 'failed'],
  ['batch.expired', 'expired'],
  ['batch.cancelled', 'cancelled'],
]);
