import { describe } from '@jest/globals';
import { sandboxTrouble } from '../../tools/image/sandbox/availability.js';
import { toStderr } from '../../packages/testbed/src/process/log.js';

const trouble = await sandboxTrouble();
/** True as root in CI on Linux, where a missing sandbox is a failure and not a skip. */
const mustRun =
  process.env['CI'] === 'true' &&
  process.platform === 'linux' &&
  process.geteuid?.() === 0;

if (trouble !== undefined && !mustRun)
  toStderr(`skipping the tests in a sandbox: ${trouble}`);

/** `describe` on machines that can make sandboxes. Other machines skip the tests and print the reason. */
export const describeSandboxed =
  trouble === undefined || mustRun ? describe : describe.skip;
