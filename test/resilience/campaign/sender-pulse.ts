import type { Journal } from './journal.js';

const BEAT_MS = 50;
const LATE_MS = 150;

/** Notes in the journal when the sender's own process stood still, because times measured then are not the bridge's. */
export class SenderPulse {
  private last = performance.now();
  private readonly timer = setInterval(() => this.beat(), BEAT_MS);

  constructor(private readonly journal: Journal) {
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private beat(): void {
    const now = performance.now();
    if (now - this.last > LATE_MS) {
      const span = { name: 'standstill', target: 'sender', from: this.last, to: now };
      this.journal.faults.push(span);
    }
    this.last = now;
  }
}
