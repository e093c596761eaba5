import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CHART } from '../../../tools/chart/values-document.js';

const FOLDER = join(CHART, 'examples');

export const EXAMPLES: readonly string[] = readdirSync(FOLDER).map((file) =>
  file.replace('.yaml', ''),
);

export function examplePath(name: string): string {
  return join(FOLDER, `${name}.yaml`);
}

/** The values of an example. */
export function example(name: string): Record<string, unknown> {
  return parse(readFileSync(examplePath(name), 'utf8')) as Record<string, unknown>;
}
