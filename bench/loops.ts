import { Worker } from 'node:worker_threads';
import { BROKEN, Connection } from './connection.js';
import type { SignedRequests } from './signed-requests.js';
import type { Tally } from './tally.js';

/** Time for the pacer thread to start. */
const PACER_START_MS = 200;

export interface Target {
  port: number;
  connections: number;
}

/** Sends over its connections from `start` until `stop`. Requests in flight at `stop` are still counted. */
abstract class Loop {
  inFlight = 0;
  protected readonly connections: Connection[];

  constructor(
    { port, connections }: Target,
    private readonly requests: SignedRequests,
    protected readonly tally: Tally,
  ) {
    const onAnswer = (connection: Connection, status: number): void => {
      const nowMs = performance.now();
      this.inFlight -= 1;
      const outcome = status === BROKEN ? 'connection broken' : String(status);
      this.tally.answered(outcome, connection.dueAt, nowMs);
      if (status !== BROKEN) this.onFree(connection, nowMs);
    };
    this.connections = Array.from(
      { length: connections },
      () => new Connection(port, onAnswer),
    );
  }

  abstract start(): void;
  abstract stop(): void;
  protected abstract onFree(connection: Connection, nowMs: number): void;

  close(): void {
    for (const connection of this.connections) connection.close();
  }

  protected send(connection: Connection, dueAtMs: number): void {
    this.inFlight += 1;
    connection.send(this.requests.next(), dueAtMs);
  }
}

/** A load in which each connection sends its next request when the last one is answered. It measures the throughput. */
export class ClosedLoop extends Loop {
  private stopped = false;

  start(): void {
    for (const connection of this.connections) this.send(connection, performance.now());
  }

  stop(): void {
    this.stopped = true;
  }

  protected onFree(connection: Connection, nowMs: number): void {
    if (!this.stopped) this.send(connection, nowMs);
  }
}

/**
 * A load in which a request is due every `1 / rate` seconds, independent of earlier answers. Its latency counts from
 * the time at which it was due, so a stall of the server also counts for the requests that had to wait (no
 * coordinated omission).
 */
export class OpenLoop extends Loop {
  private readonly free = new Array<Connection>();
  private readonly due = new Array<number>();
  private pacer: Worker | undefined;

  constructor(
    target: Target,
    requests: SignedRequests,
    tally: Tally,
    private readonly rate: number,
    private readonly count: number,
  ) {
    super(target, requests, tally);
    this.free.push(...this.connections);
  }

  start(): void {
    const periodMs = 1000 / this.rate;
    const startMs = performance.now() + PACER_START_MS;
    const workerData = {
      startMs: Number(process.hrtime.bigint()) / 1e6 + PACER_START_MS,
      periodMs,
      count: this.count,
    };
    this.pacer = new Worker(new URL('./pacer.mjs', import.meta.url), { workerData });
    this.pacer.on('message', (index: number) => this.onDue(startMs + index * periodMs));
  }

  stop(): void {
    void this.pacer?.terminate();
  }

  protected onFree(connection: Connection): void {
    const dueAtMs = this.due.shift();
    if (dueAtMs === undefined) this.free.push(connection);
    else this.send(connection, dueAtMs);
  }

  private onDue(dueAtMs: number): void {
    this.tally.noticed(dueAtMs, performance.now());
    const connection = this.free.shift();
    if (connection) this.send(connection, dueAtMs);
    else this.due.push(dueAtMs);
  }
}
