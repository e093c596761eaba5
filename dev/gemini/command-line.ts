import { parseArgs } from 'node:util';
import { applyOption, flagOf, OPTION_TABLE, shownOptions } from './option-table.js';
import { defaultOptions, type EmulatorOptions } from './options.js';

/** What was asked for, or undefined when it was only the help. Throws on what is unknown or ill-formed. */
export function optionsOf(args: readonly string[]): EmulatorOptions | undefined {
  const flags = Object.keys(OPTION_TABLE).map(
    (path) => [flagOf(path), { type: 'string' as const }] as const,
  );
  const { values } = parseArgs({
    args: [...args],
    options: { ...Object.fromEntries(flags), help: { type: 'boolean', short: 'h' } },
  });
  const { help: onlyHelp, ...given } = values;
  if (onlyHelp) return undefined;
  const options = defaultOptions();
  for (const [flag, text] of Object.entries(given)) {
    if (typeof text === 'string') applyOption(options, flag, text);
  }
  return options;
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
  return `Emulates what the bridge meets of the Gemini API: webhooks, batches, files, Google's
key set, and the sender of deliveries. All in memory, on this machine only.

  npx tsx dev/gemini.ts [--port 9090] [--dynamic jwt] [--time-scale 60] …

Options. "assumption" marks what Google has not documented and nobody has published.
Those with * can be changed while it runs: PATCH /emulator/options {"twins": 2}

${rows.join('\n')}

Control (JSON, no key): GET /emulator says how it stands;
  GET    /emulator/jobs
  POST   /emulator/jobs/<id>/start
  POST   /emulator/jobs/<id>/finish       {"outcome": "succeeded|failed|expired|cancelled",
                                           "failed_requests"?, "error_code"?, "error_message"?}
  POST   /emulator/events                 {"type", "data"?, "uris"?, "user_metadata"?}
  GET    /emulator/deliveries             ?limit=100
  POST   /emulator/deliveries/<webhook-id>/redeliver
  GET    /emulator/faults, DELETE         list them, forget them
  POST   /emulator/faults                 {"route": "batches.create" | "*", "kind": "status | hang |
                                           drop | accept-then-status | accept-then-hang |
                                           accept-then-drop | delay", "status"?, "delay_ms"?, "times"?}
  POST   /emulator/keys/rotate            {"kept"?: old keys that stay published}
  POST   /emulator/clock/advance          {"seconds"}
  GET    /emulator/options, PATCH
`;
}

function shown(value: unknown): string {
  return value === undefined || value === '' ? 'none' : JSON.stringify(value);
}
