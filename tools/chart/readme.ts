import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleHeads, type ExampleHead } from './examples.js';
import { CHART, type ValuesKey } from './values-document.js';

/** Replaced in `README.template.md`. */
const SECRETS = '<!-- secrets -->';
const VALUES = '<!-- values -->';

/** The chart's README: its template with the Secrets of the examples, and a table of the values for each group. */
export function chartReadme(keys: readonly ValuesKey[]): string {
  const template = readFileSync(join(CHART, 'README.template.md'), 'utf8');
  return template
    .replace(SECRETS, () => exampleHeads().map(secretsSection).join('\n\n'))
    .replace(VALUES, () => tables(keys));
}

function secretsSection({ file, paragraphs, commands }: ExampleHead): string {
  const text = [`### examples/${file}`, ...paragraphs].join('\n\n');
  return commands === '' ? text : `${text}\n\n\`\`\`sh\n${commands}\n\`\`\``;
}

function tables(keys: readonly ValuesKey[]): string {
  const top = keys.filter(({ path }) => path.length === 1);
  const single = top.filter(({ isGroup }) => !isGroup);
  const groups = top.filter(({ isGroup }) => isGroup);
  return [
    ...groups.map((group) => groupSection(group, keys)),
    `### Others\n\n${table(single)}`,
  ].join('\n\n');
}

function groupSection(group: ValuesKey, keys: readonly ValuesKey[]): string {
  const name = group.path[0] ?? '';
  const below = keys.filter(({ path }) => path[0] === name && path.length > 1);
  return `### \`${name}\`\n\n${group.comment}\n\n${table(below)}`;
}

function table(keys: readonly ValuesKey[]): string {
  const head = '| key | default | meaning |\n| --- | --- | --- |';
  return [head, ...keys.map(row)].join('\n');
}

function row({ path, value, comment, isGroup }: ValuesKey): string {
  const preset = isGroup ? '' : `\`${JSON.stringify(value)}\``;
  const cells = [`\`${path.join('.')}\``, preset, comment];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
