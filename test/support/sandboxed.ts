import { describe } from '@jest/globals';
import { sandboxTrouble } from '../../tools/image/sandbox/availability.js';
import { toStderr } from '../../packages/testbed/src/process/log.js';

const trouble = await sandboxTrouble();
/** Where CI can make sandboxes, nothing may hide that it does not. */
const mustRun =
  process.env['CI'] === 'true' &&
  process.platform === 'linux' &&
  process.geteuid?.() === 0;

if (trouble !== undefined && !mustRun)
  toStderr(`skipping what runs in a sandbox: ${trouble}`);

/** `describe` where sandboxes can be made; elsewhere its tests are skipped, and a line says so. */
export const describeSandboxed =
  trouble === undefined || mustRun ? describe : describe.skip;
