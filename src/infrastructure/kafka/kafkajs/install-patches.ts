import { installConnectionReset } from './connection-reset.js';
import { assertKafkajsVersion } from './internals.js';
import { installProduceFence } from './produce-fence.js';
import { installRecordEncoder } from './record-encoder.js';

let isInstalled = false;

/**
 * Patches kafkajs for the whole process. Later calls change nothing.
 *
 * @throws {Error} when another version of kafkajs is installed than the patches are made for.
 */
export function installKafkajsPatches(): void {
  assertKafkajsVersion();
  if (isInstalled) return;
  installConnectionReset();
  installProduceFence();
  installRecordEncoder();
  isInstalled = true;
}
