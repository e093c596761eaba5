/**
 * The observations of a run from outside: each attempt, each fault with its time, and what each id stands for. The
 * oracle judges by the journal and by Kafka's records alone.
 */
import { timelineOf } from './timeline.js';

/** One attempt at a delivery and its result. Times are ms of `performance.now()`. */
export interface Attempt {
  /** webhook-id */
  readonly id: string;
  /** `repeat` is sent again after a 2xx. */
  readonly kind: 'first' | 'retry' | 'twin' | 'repeat' | 'forgery';
  readonly route: 'static' | 'job';
  /** Index of the replica. */
  readonly replica: number;
  readonly sentAt: number;
  readonly tookMs: number;
  /** 0: the connection was cut or refused. */
  readonly status: number;
  /** `status` or `reason` of the JSON answer, or the socket's error. */
  readonly reason: string;
}

/** A fault with its time, in ms of `performance.now()`. */
export interface FaultSpan {
  readonly name: string;
  /** `replica-0`, `broker-1`, `redis`, … */
  readonly target: string;
  readonly from: number;
  /** Infinity until the fault has ended. */
  to: number;
}

/** Place of an event in the order of its key. The next event of the key is sent after this one was answered 2xx. */
export interface OrderedPlace {
  readonly key: string;
  readonly sequence: number;
}

export class Journal {
  readonly attempts: Attempt[] = [];
  readonly faults: FaultSpan[] = [];
  /** By id: the signed bytes. Forgeries have none. */
  readonly bodies = new Map<string, Buffer>();
  /** By id: the key of the record, which is `data.id`. */
  readonly keys = new Map<string, string>();
  /** By id: the topic of the record. */
  readonly topics = new Map<string, string>();
  /** By id: `bridge-scope` of the record. */
  readonly scopes = new Map<string, string>();
  /** By id: the place in the order of its key, where events of that key are sent one at a time. */
  readonly order = new Map<string, OrderedPlace>();

  /** Notes the start of a fault. @returns a function that notes its end */
  fault(name: string, target: string): () => void {
    const span: FaultSpan = { name, target, from: performance.now(), to: Infinity };
    this.faults.push(span);
    return () => {
      span.to = Math.min(span.to, performance.now());
    };
  }

  /** The attempts of these ids and the faults around them, as lines in the order of time. */
  timeline(ids: readonly string[]): string {
    return timelineOf(this, ids);
  }
}
