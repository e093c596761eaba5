import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { toStderr } from './log.js';

/** Whether the module with that `import.meta.url` is what `node` or `tsx` was told to run. */
export function runsDirectly(moduleUrl: string): boolean {
  const script = process.argv[1];
  return script !== undefined && realpathSync(script) === fileURLToPath(moduleUrl);
}

/**
 * Starts something by hand: prints its address to stdout, keeps it until Ctrl-C or SIGTERM, and stops it. `--help` only
 * prints the usage. An error becomes a line and exit code 1; its remedy is in the message, a stack would bury it.
 */
export async function keepUntilSignal(
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

/** A timer keeps the process alive: for brokers from outside nothing else would. */
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
