import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { toStderr } from './log.js';

/** True for the module that `node` or `tsx` was told to run. `moduleUrl` is its `import.meta.url`. */
export function isMainModule(moduleUrl: string): boolean {
  const script = process.argv[1];
  return script !== undefined && realpathSync(script) === fileURLToPath(moduleUrl);
}

/**
 * The main function of a server that is started by hand: prints its address to stdout, runs until Ctrl-C or SIGTERM, and
 * stops it. `--help` prints the usage and starts nothing. An error is printed without its stack, which would hide the
 * remedy in the message; the exit code is 1.
 */
export async function runUntilSignal(
  usage: string,
  start: () => Promise<{ readonly address: string; readonly stop: () => Promise<void> }>,
): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  try {
    const { address, stop } = await start();
    process.stdout.write(`${address}\n`);
    toStderr('Ctrl-C ends it');
    await signalled();
    await stop();
  } catch (error) {
    toStderr(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}

/** @throws {Error} naming the option when the text is no port. */
export function parsePort(option: string, text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error(`${option} is a port from 1 to 65535, not ${text}`);
  }
  return port;
}

/** Resolves at the first signal. A timer keeps the process alive until then: brokers from outside do not. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    const alive = setInterval(() => undefined, 60_000);
    const end = () => {
      clearInterval(alive);
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, end);
  });
}
