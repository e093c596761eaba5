import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chartReadme } from './readme.js';
import { valuesSchema } from './schema.js';
import { CHART, valuesKeys } from './values-document.js';

// Writes the schema and the README of the chart: `npx tsx tools/chart/write.ts` after each change of values.yaml.
const keys = valuesKeys();
const schema = JSON.stringify(valuesSchema(keys), undefined, 2);
writeFileSync(join(CHART, 'values.schema.json'), `${schema}\n`);
writeFileSync(join(CHART, 'README.md'), chartReadme(keys));
