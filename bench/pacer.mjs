// A worker thread that wakes the sender once a period. A timer in the sender's event loop would be up to 1.5 ms late,
// which is longer than many answers take.
import { parentPort, workerData } from 'node:worker_threads';

const { startMs, periodMs, count } = workerData;
const never = new Int32Array(new SharedArrayBuffer(4));

/** Time in ms of a clock that is the same in all threads. `performance.now()` is not. */
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

for (let index = 0; index < count; index += 1) {
  const waitMs = startMs + index * periodMs - nowMs();
  if (waitMs > 0) Atomics.wait(never, 0, 0, waitMs);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort.postMessage(index);
}
