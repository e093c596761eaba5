import { canBind } from '../process/free-ports.js';

/** A port of 127.0.0.1 and the option of the command line that changes it. */
export interface OptionPort {
  readonly port: number;
  readonly option: string;
}

/**
 * A development world has the same ports at each start, so that what was pasted once works again. Another port in the
 * place of a taken one would only be noticed later.
 *
 * @throws {Error} naming each port that is taken, and its option.
 */
export async function requireFreePorts(ports: readonly OptionPort[]): Promise<void> {
  const free = await Promise.all(ports.map(({ port }) => canBind(port)));
  const taken = ports.filter((_, index) => !free[index]);
  if (taken.length === 0) return;
  const lines = taken.map(
    ({ port, option }) =>
      `127.0.0.1:${port} is taken: choose another port with ${option}`,
  );
  throw new Error(`${lines.join('\n')}\nor stop the program that listens there`);
}
