import { setTimeout as sleep } from 'node:timers/promises';
import { signedV1, type Signed } from '../../support/sender.js';

const PAUSE_MS = 100;

/** Sends deliveries at a steady rate, independent of the answers. */
export class Traffic {
  private ending = false;

  /** @param sign makes the next delivery. */
  constructor(
    private readonly url: string,
    private readonly perSecond: number,
    public sign: () => Signed = () => signedV1(),
  ) {
    void this.send();
  }

  stop(): void {
    this.ending = true;
  }

  private async send(): Promise<void> {
    const startMs = performance.now();
    for (let sent = 0; !this.ending;) {
      const due = ((performance.now() - startMs) / 1000) * this.perSecond;
      for (; sent < due; sent++) void this.post();
      await sleep(PAUSE_MS);
    }
  }

  private async post(): Promise<void> {
    const { headers, body } = this.sign();
    const type = { 'content-type': 'application/json' };
    await fetch(this.url, {
      method: 'POST',
      headers: { ...type, ...headers },
      body: typeof body === 'string' ? body : new Uint8Array(body),
    }).then(
      (answer) => answer.arrayBuffer(),
      () => undefined,
    );
  }
}
