// Run by sandbox.spec.ts: starts a sandbox with a child in it, prints the sandbox's pid, and waits to be killed.
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
