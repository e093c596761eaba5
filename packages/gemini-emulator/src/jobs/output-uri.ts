import type { EmulatorOptions } from '../options.js';

/** What an event calls a file of results. */
export function outputUri(
  fileName: string,
  { outputUri: form }: EmulatorOptions,
): string {
  return form === 'files/' ? fileName : `gs://emulated-bucket/${fileName}`;
}
