import { toStderr } from '../packages/testbed/src/process/log.js';
import type { LoadOptions, LoadResult } from './load.js';
import type { ServerName } from './options.js';
import { line, type Rounds } from './report.js';
import { runLoad } from './sender.js';
import type { Server } from './servers.js';

/** Long enough for V8 to compile the hot code. */
const FIRST_WARMUP_SECONDS = 5;
const WARMUP_SECONDS = 1;

export interface RoundOptions {
  rounds: number;
  seconds: number;
  connections: number;
  secret: string;
  /** Requests per second of an open loop. Absent: a closed loop. */
  rate?: number;
}

/** Loads each server once, so that no measurement includes the server's start. */
export async function warmUp(
  servers: readonly Server[],
  options: RoundOptions,
): Promise<void> {
  for (const server of servers) {
    toStderr(`${server.name}: warming up …`);
    const result = await load(server, { ...options, seconds: FIRST_WARMUP_SECONDS });
    throwUnlessAllOk(server, result);
  }
}

/**
 * Measures one server at a time while the others idle. The order alternates between rounds, so that other work of the
 * machine affects all servers. A measurement with an answer other than 200 ends the run, because later measurements
 * would not be comparable.
 */
export async function measure(
  servers: readonly Server[],
  options: RoundOptions,
): Promise<Rounds> {
  const rounds = new Map<ServerName, LoadResult[]>(servers.map(({ name }) => [name, []]));
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const server of round % 2 === 1 ? servers : servers.toReversed()) {
      const result = await load(server, options);
      toStderr(`round ${round} of ${options.rounds}, ${server.name}: ${line(result)}`);
      throwUnlessAllOk(server, result);
      rounds.get(server.name)?.push(result);
    }
  }
  return rounds;
}

function load({ port, pid }: Server, options: RoundOptions): Promise<LoadResult> {
  const { secret, connections, seconds, rate } = options;
  const target: LoadOptions = {
    port,
    pid,
    secret,
    connections,
    seconds,
    warmupSeconds: WARMUP_SECONDS,
  };
  return runLoad(rate === undefined ? target : { ...target, rate });
}

function throwUnlessAllOk({ name, lines }: Server, { outcomes }: LoadResult): void {
  if (Object.keys(outcomes).join() === '200') return;
  const counts = Object.entries(outcomes).map(
    ([outcome, count]) => `${outcome}: ${count}`,
  );
  const problem = `${name} did not answer every request with 200 (${counts.join(', ')})`;
  throw new Error(
    [`FAILED: ${problem}. Its last lines:`, ...lines.slice(-10)].join('\n'),
  );
}
