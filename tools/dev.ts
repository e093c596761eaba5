import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDevStack, type BridgeProcess } from '../packages/testbed/index.js';
import { writeEnvironmentFile } from '../packages/testbed/src/dev-stack/environment-file.js';
import { requireFreePorts } from '../packages/testbed/src/dev-stack/require-free-ports.js';
import { runUntilSignal } from '../packages/testbed/src/process/command-line.js';
import { toStderr } from '../packages/testbed/src/process/log.js';
import { run, tail } from '../packages/testbed/src/process/run.js';
import { guide } from './dev/guide.js';
import { parseOptions, portsToBind, USAGE } from './dev/options.js';

/** Constant, so that a pasted line works again after a restart. The bridge listens on loopback only. */
const API_TOKEN = 'development-token';
const LOG_POLL_MS = 200;

await runUntilSignal(USAGE, async () => {
  const options = parseOptions(process.argv.slice(2));
  await requireFreePorts(portsToBind(options, !process.env['KAFKA_BROKERS']));
  await build();
  const stack = await startDevStack({
    ports: options.ports,
    apiToken: API_TOKEN,
    folder: options.keep ? options.folder : undefined,
  });
  const environmentFile = join(options.folder, 'bridge.env');
  const written = await writeEnvironmentFile(environmentFile, stack.environment);
  stack.onStop(() => written.remove());
  const state: State = { stopping: false };
  void showLog(stack.bridge, state);
  void endWith(stack.bridge, state);
  return {
    address: guide(stack, environmentFile),
    stop() {
      state.stopping = true;
      return stack.stop();
    },
  };
});

interface State {
  stopping: boolean;
}

async function build(): Promise<void> {
  toStderr('building the bridge …');
  const { ok, output } = await run('npm', ['run', '--silent', 'build']);
  if (!ok) throw new Error(`npm run build failed:\n${tail(output, 50)}`);
}

/** Ends the world when the bridge ends by itself. */
async function endWith({ exited }: BridgeProcess, state: State): Promise<void> {
  const { code, signal } = await exited;
  if (state.stopping) return;
  toStderr(`the bridge ended by itself (${signal ?? `exit code ${code}`})`);
  process.exitCode = 1;
  process.kill(process.pid, 'SIGTERM');
}

/** Copies the bridge's log to stderr. `lines` holds the newest lines only, so the last line shown marks the place. */
async function showLog({ lines }: BridgeProcess, state: State): Promise<void> {
  let last = '';
  while (!state.stopping) {
    for (const line of lines.slice(lines.lastIndexOf(last) + 1)) toStderr(line);
    last = lines.at(-1) ?? '';
    await sleep(LOG_POLL_MS);
  }
}
