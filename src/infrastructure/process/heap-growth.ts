import { setFlagsFromString } from 'node:v8';

/**
 * Makes V8 collect garbage when the heap has grown to twice the live objects. By default V8 lets
 * it grow to four times when the machine has memory.
 *
 * Under full load, with 35 MB of live objects, the process takes 160-175 MB instead of 215-270 MB,
 * for the same CPU time an event.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=100');
}
