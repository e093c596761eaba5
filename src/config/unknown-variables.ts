import { telemetry, VARIABLES } from './environment.js';
import type { ConfigWarning } from './problem.js';

const KNOWN = [...VARIABLES, ...Object.keys(telemetry)];
/** Shorter names resemble too many others by chance. */
const LONG_NAME = 8;

/**
 * Variables that the bridge does not read and whose names resemble one that it reads: misspelt, in
 * lower case, or without `_FILE`. OpenTelemetry has more variables than the bridge knows, so its
 * own are left out.
 */
export function unknownVariables(env: NodeJS.ProcessEnv): ConfigWarning[] {
  const names = Object.keys(env).filter(
    (name) => env[name] && !KNOWN.includes(name) && !/^OTEL_/i.test(name),
  );
  return names.flatMap((setting) => {
    const meant = nearest(setting);
    if (meant === undefined) return [];
    return [{ setting, warning: `the bridge does not read it; did you mean ${meant}?` }];
  });
}

function nearest(name: string): string | undefined {
  const given = plain(name);
  const most = given.length >= LONG_NAME ? 2 : 1;
  let best: string | undefined;
  let least = most + 1;
  for (const known of KNOWN) {
    const wanted = plain(known);
    const forms = [wanted, wanted.replace(/FILE$/, '')];
    const far = Math.min(...forms.map((form) => editDistance(given, form)));
    if (far < least) [best, least] = [known, far];
  }
  return best;
}

/** Case and underscores do not count. */
function plain(name: string): string {
  return name.toUpperCase().replaceAll(/[_-]/g, '');
}

/** Insertions, deletions and replacements of one character (Levenshtein). */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = (above[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
    }
  }
  return row.at(-1) ?? 0;
}
