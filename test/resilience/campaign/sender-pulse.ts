import type { Journal } from './journal.js';

const BEAT_MS = 50;
const LATE_MS = 150;

/** Notes standstills of the sender's own process in the journal, because they lengthen the measured answer times. */
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
