import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FAULT_NAMES, type FaultName } from './fault-kinds.js';
import { STORES, type ScheduleOptions, type Store } from './schedule.js';

export const USAGE = `Sends events to the bridge as Gemini does. Meanwhile Kafka's brokers, the network, Redis, Google's keys and the bridge's
processes fail by a schedule that is computed from a seed. Afterwards it checks every event: none may be lost, forged or
changed, and none doubled except in the cases of docs/guarantees.md.

  npm run test:faults -- [options]

  --seeds 1-20       the seeds (default 1-9); also a list: 3,7,12-14
  --store STORE      log, redis or memory; all runs each seed with each store (default: the seed decides)
  --brokers 1|3      number of brokers (default: the seed decides)
  --seconds 60       duration of the load
  --per-second 60    new events a second
  --faults A,B       exactly these faults, one after another, instead of the seed's
  --fault-seconds N  duration of each fault of --faults (default: the seed decides)
  --parallel 2       number of runs at the same time (default 1)
  --preload FILE     a module that each replica loads first, like breaks/mark-first.mjs; may be repeated
  --json FILE        file for the results
  --keep FOLDER      folder for the journal and the logs of each failed run
  --list             prints the planned faults of each seed and ends
  --help             prints this and ends`;

export interface CampaignOptions {
  readonly seeds: readonly number[];
  /** Options of the schedules, one entry for each pass over the seeds. */
  readonly passes: readonly ScheduleOptions[];
  /** Given options that the command for a repetition needs, beside the seed and the stage. */
  readonly given: Readonly<Record<string, string>>;
  readonly parallel: number;
  readonly preloads: readonly string[];
  readonly json: string | undefined;
  readonly keep: string | undefined;
  readonly list: boolean;
  readonly help: boolean;
}

export function parseOptions(args: readonly string[]): CampaignOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '1-9' },
      seed: { type: 'string' },
      store: { type: 'string' },
      brokers: { type: 'string' },
      seconds: { type: 'string' },
      'per-second': { type: 'string' },
      faults: { type: 'string' },
      'fault-seconds': { type: 'string' },
      parallel: { type: 'string', default: '1' },
      preload: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      keep: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    seeds: seedsOf(values.seed ?? values.seeds),
    passes: passesOf(values),
    given: givenOf(values),
    parallel: wholeNumber('--parallel', values.parallel),
    preloads: values.preload.map(pathOf),
    json: values.json,
    keep: values.keep,
    list: values.list,
    help: values.help,
  };
}

function givenOf(values: ScheduleValues): Record<string, string> {
  const { faults, 'per-second': perSecond, 'fault-seconds': faultSeconds } = values;
  return {
    ...(perSecond !== undefined && { 'per-second': perSecond }),
    ...(faults !== undefined && { faults }),
    ...(faultSeconds !== undefined && { 'fault-seconds': faultSeconds }),
  };
}

interface ScheduleValues {
  readonly store?: string | undefined;
  readonly brokers?: string | undefined;
  readonly seconds?: string | undefined;
  readonly 'per-second'?: string | undefined;
  readonly faults?: string | undefined;
  readonly 'fault-seconds'?: string | undefined;
}

function passesOf(values: ScheduleValues): ScheduleOptions[] {
  const { store, brokers, seconds, faults } = values;
  const { 'per-second': perSecond, 'fault-seconds': faultSeconds } = values;
  const common: ScheduleOptions = {
    ...(brokers !== undefined && {
      brokers: oneOf('--brokers', [1, 3], Number(brokers)),
    }),
    ...(seconds !== undefined && { seconds: wholeNumber('--seconds', seconds) }),
    ...(perSecond !== undefined && {
      perSecond: wholeNumber('--per-second', perSecond),
    }),
    ...(faultSeconds !== undefined && {
      faultSeconds: wholeNumber('--fault-seconds', faultSeconds),
    }),
    ...(faults !== undefined && { only: faults.split(',').map(faultOf) }),
  };
  if (store === undefined) return [common];
  const stores = store === 'all' ? STORES : [oneOf<Store>('--store', STORES, store)];
  return stores.map((each) => ({ ...common, store: each }));
}

/** The numbers of a text like `3,7,12-14`. */
function seedsOf(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    if (from === undefined) {
      throw new Error(`--seeds must be like 1-20 or 3,7, not ${text}`);
    }
    const length = Math.max(0, Number(to) - Number(from) + 1);
    return Array.from({ length }, (_, i) => Number(from) + i);
  });
}

/** The path from the working directory if it exists there, else from this folder. */
function pathOf(file: string): string {
  return existsSync(file) ? resolve(file) : resolve(import.meta.dirname, file);
}

function faultOf(name: string): FaultName {
  return oneOf<FaultName>('--faults', FAULT_NAMES, name);
}

function oneOf<T extends string | number>(
  option: string,
  choices: readonly T[],
  given: string | number,
): T {
  const found = choices.find((choice) => choice === given);
  if (found === undefined) {
    throw new Error(`${option} must be one of ${choices.join(', ')}, not ${given}`);
  }
  return found;
}

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text))
    throw new Error(`${option} must be a whole number above 0, not ${text}`);
  return Number(text);
}
