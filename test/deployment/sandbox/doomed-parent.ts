// A program for sandbox.spec.ts. It starts a sandbox with a child process, prints the sandbox's pid, and does not end
import { startSandbox } from '../../../tools/image/sandbox/sandbox.js';
import { until } from '../../../packages/testbed/src/until.js';

const [marker = ''] = process.argv.slice(2);
const sandbox = await startSandbox({
  command: ['sh', '-c', `sleep 86400.${marker} & echo up; wait`],
});
await until('the sandbox', () => sandbox.lines.includes('up'), {
  state: () => sandbox.lines,
});
console.log(sandbox.pid);
