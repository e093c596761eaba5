import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InjectConfig } from '../../config/inject-config.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { ShutdownState } from '../../infrastructure/process/shutdown-state.js';
import type { RefusalReason } from '../refusals.js';
import { EventLoopMonitor } from './event-loop-monitor.js';

/** The event loop is behind when a beat is late by this part of the ack budget … */
const MAX_PART_LATE = 8;
/** … and by at least this, in ms. */
const MIN_LATE_MS = 250;
/** Deliveries at a time while the loop is behind, so that a process that is short of CPU gets on. */
const MAX_IN_FLIGHT_WHILE_BEHIND = 16;
/** Bodies of all requests together, in bytes. */
const MAX_HELD_BYTES = 128 * 1024 * 1024;

/** Counts the bytes of the bodies that are being read or processed, in all requests together. */
export class HeldBytes {
  private count = 0;

  constructor(private readonly max: number) {}

  get total(): number {
    return this.count;
  }

  /** Adds the bytes in any case. False when there are too many of them now. */
  add(bytes: number): boolean {
    this.count += bytes;
    return this.count <= this.max;
  }

  free(bytes: number): void {
    this.count -= bytes;
  }
}

/**
 * Decides whether the process takes one more delivery. It takes none while it ends, and few while
 * the event loop is behind: those would not be answered in time, and a refusal is cheap.
 */
@Injectable()
export class Admission implements OnApplicationShutdown {
  readonly heldBytes = new HeldBytes(MAX_HELD_BYTES);
  private readonly loop: EventLoopMonitor;
  private inFlight = 0;

  constructor(
    private readonly shutdown: ShutdownState,
    metrics: Metrics,
    @InjectConfig('ackBudgetMs') ackBudgetMs: number,
  ) {
    this.loop = new EventLoopMonitor(Math.max(ackBudgetMs / MAX_PART_LATE, MIN_LATE_MS));
    metrics.observe(
      'held_body_bytes',
      'Bodies of deliveries that are being read or worked on',
      () => this.heldBytes.total,
    );
  }

  /**
   * Why a delivery is refused before its body is read; undefined when it is taken.
   *
   * @param now on the clock of `performance.now()`, in ms.
   */
  refusalAt(now: number): RefusalReason | undefined {
    if (this.shutdown.isDraining) return 'shutting-down';
    const isBusy = this.inFlight >= MAX_IN_FLIGHT_WHILE_BEHIND;
    return isBusy && this.loop.isBehind(now) ? 'overloaded' : undefined;
  }

  /** A delivery goes to its handler. To be followed by one `finishDelivery()`. */
  beginDelivery(): void {
    this.inFlight++;
  }

  finishDelivery(): void {
    this.inFlight--;
  }

  onApplicationShutdown(): void {
    this.loop.close();
  }
}
