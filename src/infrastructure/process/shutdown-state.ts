import { Injectable } from '@nestjs/common';

/** The shutdown of the process. `main.ts` sets it, the listeners and the probe read it. */
@Injectable()
export class ShutdownState {
  /** True once the process shuts down: deliveries are refused, the probe is unready. */
  isDraining = false;
}
