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
/** Bodies held while the loop is behind, so that a process that is short of CPU gets on. */
const MAX_BODIES_WHILE_BEHIND = 16;
/** Bodies of all requests together, in bytes. */
const MAX_HELD_BYTES = 128 * 1024 * 1024;

/** Counts the bodies that are being read or processed, and their memory, in all requests together. */
export class HeldBodies {
  private heldCount = 0;
  private heldBytes = 0;

  /** @param maxBytes of all bodies together. */
  constructor(private readonly maxBytes: number) {}

  get count(): number {
    return this.heldCount;
  }

  get bytes(): number {
    return this.heldBytes;
  }

  /** A body begins. To be followed by one `end()`. */
  begin(): void {
    this.heldCount++;
  }

  /** Adds memory of a body in any case. False when there is too much of it now. */
  add(bytes: number): boolean {
    this.heldBytes += bytes;
    return this.heldBytes <= this.maxBytes;
  }

  /** @param bytes all memory that was added for the body. */
  end(bytes: number): void {
    this.heldCount--;
    this.heldBytes -= bytes;
  }
}

/**
 * Decides whether the process takes one more delivery. It takes none while it ends, and few while
 * the event loop is behind: those would not be answered in time, and a refusal is cheap.
 */
@Injectable()
export class Admission implements OnApplicationShutdown {
  readonly held = new HeldBodies(MAX_HELD_BYTES);
  private readonly loop: EventLoopMonitor;

  constructor(
    private readonly shutdown: ShutdownState,
    metrics: Metrics,
    @InjectConfig('ackBudgetMs') ackBudgetMs: number,
  ) {
    this.loop = new EventLoopMonitor(Math.max(ackBudgetMs / MAX_PART_LATE, MIN_LATE_MS));
    metrics.observe(
      'held_body_bytes',
      'Bodies of deliveries that are being read or worked on',
      () => this.held.bytes,
    );
  }

  /**
   * Why a delivery is refused before its body is read; undefined when it is taken.
   *
   * @param now on the clock of `performance.now()`, in ms.
   */
  refusalAt(now: number): RefusalReason | undefined {
    if (this.shutdown.isDraining) return 'shutting-down';
    const isBusy = this.held.count >= MAX_BODIES_WHILE_BEHIND;
    return isBusy && this.loop.isBehind(now) ? 'overloaded' : undefined;
  }

  onApplicationShutdown(): void {
    this.loop.close();
  }
}
