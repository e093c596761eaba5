import { parseArgs } from 'node:util';

export const SERVERS = [
  'floor',
  'bridge',
  'bridge+lease',
  'bridge+memory',
  'bridge+redis',
] as const;
export type ServerName = (typeof SERVERS)[number];

export interface Options {
  servers: readonly ServerName[];
  rounds: number;
  seconds: number;
  connections: number;
  /** Requests per second of the open loop. With 0 there is no open loop. */
  rate: number;
  jsonFile: string | undefined;
}

export const USAGE = `Measures the cost of the bridge as a multiple of a minimal server, the floor. See bench/README.md.

  npm run bench -- [options]

  --rounds N        number of measurements of each server (default 5)
  --seconds N       duration of each measurement (default 8)
  --connections N   keep-alive connections of the sender (default 64)
  --rate N          requests a second of the open loop, 0 for no open loop (default 500)
  --redis           also measures bridge+lease and bridge+redis, which need a Redis
  --only LIST       the servers to measure: floor, bridge, bridge+lease, bridge+memory,
                    bridge+redis (default floor,bridge)
  --json FILE       also writes every measurement to FILE
  --help            prints this and ends`;

/** @returns undefined for `--help`. @throws {Error} with the option and its valid values */
export function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '8' },
      connections: { type: 'string', default: '64' },
      rate: { type: 'string', default: '500' },
      redis: { type: 'boolean', default: false },
      only: { type: 'string', default: 'floor,bridge' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  return {
    servers: chosen(
      values.redis ? `${values.only},bridge+lease,bridge+redis` : values.only,
    ),
    rounds: numberIn('rounds', values.rounds, 1, 100),
    seconds: numberIn('seconds', values.seconds, 1, 600),
    connections: numberIn('connections', values.connections, 1, 1000),
    rate: numberIn('rate', values.rate, 0, 20_000),
    jsonFile: values.json,
  };
}

function chosen(list: string): ServerName[] {
  const names = list.split(',');
  const unknown = names.find((name) => !SERVERS.some((server) => server === name));
  if (unknown !== undefined) {
    throw new Error(`--only ${unknown}: want some of ${SERVERS.join()}`);
  }
  return SERVERS.filter((server) => names.includes(server));
}

function numberIn(name: string, text: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (text !== '' && Number.isInteger(value) && value >= lowest && value <= highest)
    return value;
  throw new Error(`--${name} ${text}: want a whole number from ${lowest} to ${highest}`);
}
