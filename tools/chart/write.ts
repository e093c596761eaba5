import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chartReadme } from './readme.js';
import { valuesSchema } from './schema.js';
import { CHART, valuesKeys } from './values-document.js';

// What follows from values.yaml: `npx tsx tools/chart/write.ts` after each change of it.
const keys = valuesKeys();
const schema = JSON.stringify(valuesSchema(keys), undefined, 2);
writeFileSync(join(CHART, 'values.schema.json'), `${schema}\n`);
writeFileSync(join(CHART, 'README.md'), chartReadme(keys));
