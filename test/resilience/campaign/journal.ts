/**
 * What happened in a run, as it was seen from outside: every attempt at a delivery, every fault while it lasted, and what
 * each id stands for. The oracle judges from this and from Kafka's log alone.
 */
import { timelineOf } from './timeline.js';

/** One attempt at a delivery and what came of it. Times in ms of performance.now(). */
export interface Attempt {
  /** webhook-id */
  readonly id: string;
  /** `repeat`: sent again after a 2xx. */
  readonly kind: 'first' | 'retry' | 'twin' | 'repeat' | 'forgery';
  readonly route: 'static' | 'job';
  /** Index of the replica. */
  readonly replica: number;
  readonly sentAt: number;
  readonly tookMs: number;
  /** 0: the connection broke or was refused. */
  readonly status: number;
  /** `status` or `reason` of the JSON answer, or the socket's error. */
  readonly reason: string;
}

/** A fault while it lasted. */
export interface FaultSpan {
  readonly name: string;
  /** `replica-0`, `broker-1`, `redis`, … */
  readonly target: string;
  readonly from: number;
  /** Infinity until it is over. */
  to: number;
}

/** Place of an event of which the next is first sent only after this one was answered 2xx. */
export interface OrderedPlace {
  readonly key: string;
  readonly sequence: number;
}

export class Journal {
  readonly attempts: Attempt[] = [];
  readonly faults: FaultSpan[] = [];
  /** By id: the bytes that were signed. Not of forgeries. */
  readonly bodies = new Map<string, Buffer>();
  /** By id: the record's key (`data.id`, a resource name). */
  readonly keys = new Map<string, string>();
  /** By id: the topic that it belongs on. */
  readonly topics = new Map<string, string>();
  /** By id: `bridge-scope` of its record. */
  readonly scopes = new Map<string, string>();
  /** By id: its place among the events of its key, where that key is sent one event at a time. */
  readonly order = new Map<string, OrderedPlace>();

  /** Marks the start; call the answer at the end. */
  fault(name: string, target: string): () => void {
    const span: FaultSpan = { name, target, from: performance.now(), to: Infinity };
    this.faults.push(span);
    return () => {
      span.to = Math.min(span.to, performance.now());
    };
  }

  /** Human-readable, time-ordered lines of everything about these ids with the faults around them. */
  timeline(ids: readonly string[]): string {
    return timelineOf(this, ids);
  }
}
