import { Injectable } from '@nestjs/common';

/** What the process knows of its own end. `main.ts` sets it, the listeners and the probe read it. */
@Injectable()
export class ShutdownState {
  /** True once the process has been told to end: deliveries are refused, the probe is unready. */
  isDraining = false;
}
