import { parseArgs } from 'node:util';
import { invalid } from '../api-error.js';
import { plannedFaultOf } from './control-bodies.js';
import { FAULT_KINDS, type PlannedFault } from './faults.js';
import { isObject } from '../json.js';
import { applyOption, flagOf, OPTION_TABLE, shownOptions } from './option-table.js';
import { defaultOptions, OUTCOMES, type EmulatorOptions } from '../options.js';

/** Kinds of faults on the first line of the help. */
const KINDS_IN_A_LINE = 4;

/**
 * The options that the arguments give; undefined for `--help`.
 *
 * @throws {Error} for an unknown or ill-formed argument
 */
export function optionsOf(args: readonly string[]): EmulatorOptions | undefined {
  const flags = Object.keys(OPTION_TABLE).map(
    (path) => [flagOf(path), { type: 'string' as const }] as const,
  );
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries(flags),
      fault: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const { help: onlyHelp, fault: faults = [], ...given } = values;
  if (onlyHelp) return undefined;
  const options = { ...defaultOptions(), faults: faults.map(faultOf) };
  for (const [flag, text] of Object.entries(given)) {
    if (typeof text === 'string') applyOption(options, flag, text);
  }
  return options;
}

function faultOf(text: string): PlannedFault {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Refused below, like JSON that is no object
  }
  if (!isObject(parsed)) throw invalid(`--fault must be a JSON object, not "${text}"`);
  return plannedFaultOf(parsed);
}

export function help(): string {
  const defaults = shownOptions(defaultOptions());
  const rows = Object.entries(OPTION_TABLE).map(([path, row]) => {
    const flag = flagOf(path);
    const label = row.assumption ? 'assumption: ' : '';
    const fixed = row.atStart ? '' : ' *';
    const values = typeof row.values === 'string' ? row.values : row.values.join(' | ');
    return `  --${flag} <${values}>${fixed}\n      ${label}${row.help} (default: ${shown(defaults[flag])})`;
  });
  const firstKinds = FAULT_KINDS.slice(0, KINDS_IN_A_LINE);
  const otherKinds = FAULT_KINDS.slice(KINDS_IN_A_LINE);
  return `Emulates the parts of the Gemini API that the bridge uses: webhooks, batches (of generateContent
and of embedContent), interactions in the background, videos, files, Google's key set, and the sender
of deliveries. Everything but large files is in memory.

  npx tsx packages/gemini-emulator/src/cli.ts [--port 9090] [--dynamic jwt] [--time-scale 60] …

Options. "assumption" marks behaviour that Google does not document and that was never published.
Options with * can be changed while the emulator runs: PATCH /emulator/options {"twins": 2}

${rows.join('\n')}
  --fault <JSON>
      a fault planned at the start, may be repeated; the JSON is that of POST /emulator/faults:
      --fault '{"route": "*.create", "kind": "accept-then-hang", "probability": 0.05}'

Control (JSON, no key). GET /emulator shows a summary.
  GET    /emulator/jobs                   every job ever created: its name, id, kind, state,
                                          displayName, userMetadata, webhookUris, deleted
  POST   /emulator/jobs/<id>/start
  POST   /emulator/jobs/<id>/finish       {"outcome": "${OUTCOMES.join('|')}",
                                           "failed_requests"?, "error_code"?, "error_message"?}
  POST   /emulator/events                 {"type", "data"?, "uris"?, "user_metadata"?, "job_name"?}
                                          sends any event. With uris it is signed by Google's keys, like
                                          the delivery of another project that knows the URL
  GET    /emulator/lost-events            the events that lose-events kept from being delivered
  GET    /emulator/deliveries             ?limit=100
  POST   /emulator/deliveries/<webhook-id>/redeliver
  GET    /emulator/faults, DELETE         lists or deletes the planned faults
  POST   /emulator/faults                 {"route": "batches.create" | "*.create" | "*",
                                           "kind": "${firstKinds.join(' | ')} |
                                                    ${otherKinds.join(' | ')}",
                                           "status"?, "retry_after_seconds"?, "delay_ms"?,
                                           "probability"?: of a call to meet it,
                                           "times"?: number of calls, by default 1; with a
                                                     probability all calls}
                                          the answer to an unknown route lists the routes
  POST   /emulator/keys/rotate            {"kept"?: number of old keys that stay published}
  POST   /emulator/clock/advance          {"seconds"}
  GET    /emulator/options, PATCH
`;
}

function shown(value: unknown): string {
  return value === undefined || value === '' ? 'none' : JSON.stringify(value);
}
