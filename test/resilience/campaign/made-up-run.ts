import { Journal, type Attempt } from './journal.js';
import type { Evidence } from './oracle/evidence.js';
import type { LoggedRecord } from '../../support/topic-log.js';

/** Evidence of a run, written by hand. It has no violation until a test adds one. */
export class MadeUpRun {
  readonly journal = new Journal();
  readonly records: LoggedRecord[] = [];
  evidence: Partial<Evidence> = {};

  /** Adds an event that was answered 200 at once and has one record. */
  taken(id: string, attempt: Partial<Attempt> = {}): this {
    return this.known(id).attempt(id, attempt).record(id);
  }

  /** Adds what the sender notes before it sends an event. */
  known(id: string): this {
    const { bodies, keys, topics, scopes } = this.journal;
    bodies.set(id, Buffer.from(`body of ${id}`));
    keys.set(id, `batches/${id}`);
    topics.set(id, 'gemini.batch.succeeded');
    scopes.set(id, 'static');
    return this;
  }

  attempt(id: string, attempt: Partial<Attempt> = {}): this {
    this.journal.attempts.push({
      id,
      kind: 'first',
      route: 'static',
      replica: 0,
      sentAt: 1000,
      tookMs: 10,
      status: 200,
      reason: 'published',
      ...attempt,
    });
    return this;
  }

  record(
    id: string,
    record: Partial<LoggedRecord> = {},
    headers: Record<string, string> = {},
  ): this {
    this.records.push({
      topic: 'gemini.batch.succeeded',
      partition: 0,
      offset: this.records.length,
      key: this.journal.keys.get(id) ?? '',
      value: this.journal.bodies.get(id) ?? Buffer.alloc(0),
      headers: { 'webhook-id': id, 'bridge-scope': 'static', ...headers },
      ...record,
    });
    return this;
  }

  fault(name: string, target: string, from: number, to: number): this {
    this.journal.faults.push({ name, target, from, to });
    return this;
  }

  with(evidence: Partial<Evidence>): this {
    this.evidence = { ...this.evidence, ...evidence };
    return this;
  }

  toEvidence(): Evidence {
    const { journal, records } = this;
    return {
      store: 'log',
      ackBudgetMs: 2000,
      journal,
      records,
      notTaken: [],
      memory: [{ replica: 0, startMiB: 100, peakMiB: 150, endMiB: 130 }],
      leftovers: [{ replica: 0, metric: 'gemini_bridge_attempts', value: 0 }],
      excuses: [],
      ...this.evidence,
    };
  }
}
