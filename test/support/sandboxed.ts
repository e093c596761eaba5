import { describe } from '@jest/globals';
import { sandboxTrouble } from '../../tools/image/sandbox/availability.js';
import { toStderr } from '../../packages/testbed/src/process/log.js';

const trouble = await sandboxTrouble();
/** As root in CI on Linux a missing sandbox is a failure, not a skip. */
const mustRun =
  process.env['CI'] === 'true' &&
  process.platform === 'linux' &&
  process.geteuid?.() === 0;

if (trouble !== undefined && !mustRun)
  toStderr(`skipping the tests in a sandbox: ${trouble}`);

/** `describe` where sandboxes can be made. Elsewhere the tests are skipped and a line says so. */
export const describeSandboxed =
  trouble === undefined || mustRun ? describe : describe.skip;
