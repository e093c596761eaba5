import { parseArgs } from 'node:util';
import type { DevPorts } from '../../packages/testbed/index.js';
import type { OptionPort } from '../../packages/testbed/src/dev-stack/require-free-ports.js';
import { parsePort } from '../../packages/testbed/src/process/command-line.js';

/** The bridge's and Kafka's own defaults, and one for the emulator. */
const PORTS = {
  '--port': 8080,
  '--internal-port': 8081,
  '--gemini-port': 8090,
  '--kafka-port': 9092,
};

export const USAGE = `Starts a Kafka, a Gemini emulator and the bridge, prints what to try, and keeps them until Ctrl-C.

  npm run dev -- [--keep] [--folder path] [--port n] [--internal-port n] [--gemini-port n] [--kafka-port n]

  --keep           keeps Kafka's records, the keys and the tokens in the folder for the next start
  --folder         for those and for bridge.env: .dev
  --port           of the bridge, for Gemini: ${PORTS['--port']}
  --internal-port  of the bridge, for the cluster: ${PORTS['--internal-port']}
  --gemini-port    of the emulator: ${PORTS['--gemini-port']}
  --kafka-port     of the broker: ${PORTS['--kafka-port']}; its controller takes the next one

  KAFKA_BROKERS, REDIS_URL: used instead of a broker started here and of the memory store.

While it runs, <folder>/bridge.env holds the settings of the bridge, for the command line:
  node --env-file=.dev/bridge.env dist/cli.js --help`;

export interface DevOptions {
  readonly keep: boolean;
  readonly folder: string;
  readonly ports: Required<DevPorts>;
}

/** @throws {Error} naming an option that does not exist or whose value cannot be one. */
export function parseOptions(args: readonly string[]): DevOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      keep: { type: 'boolean', default: false },
      folder: { type: 'string', default: '.dev' },
      port: text,
      'internal-port': text,
      'gemini-port': text,
      'kafka-port': text,
    },
  });
  return {
    keep: values.keep,
    folder: values.folder,
    ports: {
      public: portOf('--port', values.port),
      internal: portOf('--internal-port', values['internal-port']),
      gemini: portOf('--gemini-port', values['gemini-port']),
      kafka: portOf('--kafka-port', values['kafka-port']),
    },
  };
}

function portOf(option: keyof typeof PORTS, given: string | undefined): number {
  return given === undefined ? PORTS[option] : parsePort(option, given);
}

/** The ports that this machine has to have free. `ownKafka`: the broker is started here. */
export function portsToBind(
  { ports }: DevOptions,
  ownKafka: boolean,
): readonly OptionPort[] {
  const kafka = [ports.kafka, ports.kafka + 1].map((port) => ({
    port,
    option: '--kafka-port',
  }));
  return [
    { port: ports.public, option: '--port' },
    { port: ports.internal, option: '--internal-port' },
    { port: ports.gemini, option: '--gemini-port' },
    ...(ownKafka ? kafka : []),
  ];
}
