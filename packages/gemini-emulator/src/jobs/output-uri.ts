import type { EmulatorOptions } from '../options.js';

/** The `output_file_uri` of an event for a file of results. */
export function outputUri(
  fileName: string,
  { outputUri: form }: EmulatorOptions,
): string {
  return form === 'files/' ? fileName : `gs://emulated-bucket/${fileName}`;
}
