import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { helm } from './helm.js';
import { CHART } from './values-document.js';

// Run after each release of the chart: `npx tsx tools/chart/keep-release.ts`. The upgrade test compares the chart with the kept release.

const TARGET = join(
  import.meta.dirname,
  '..',
  '..',
  'test',
  'deployment',
  'chart',
  'previous',
);

rmSync(TARGET, { recursive: true, force: true });
mkdirSync(TARGET, { recursive: true });
const { ok, stdout, stderr } = await helm(['package', CHART, '-d', TARGET]);
if (!ok) throw new Error(stderr);
const examples = join(CHART, 'examples');
for (const file of readdirSync(examples)) {
  copyFileSync(join(examples, file), join(TARGET, file));
}
process.stdout.write(`kept ${basename(stdout.trim())} and its examples\n`);
