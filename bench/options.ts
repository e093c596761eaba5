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
  /** Requests per second of the open loop; 0: no open loop. */
  rate: number;
  jsonFile: string | undefined;
}

export const USAGE = `Measures the cost of the bridge as a multiple of a bare floor. See bench/README.md.

  npm run bench -- [options]

  --rounds N        measurements of each server, taken in turns (5)
  --seconds N       length of each (8)
  --connections N   keep-alive connections of the sender (64)
  --rate N          requests a second of the open loop, 0 leaves it out (500)
  --redis           also bridge+lease and bridge+redis, which need a Redis
  --only LIST       which servers (floor,bridge); there are also bridge+lease,
                    bridge+memory and bridge+redis
  --json FILE       also write every measurement to FILE
  --help            this`;

/** Returns undefined for `--help`. @throws {Error} naming the option and the wanted form. */
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
