import { writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { buildOldVersion } from './old-version.js';
import { driveOldVersion } from './old-run.js';
import { pathOf, STORES } from './fixture.js';

const USAGE = `Builds and runs the service of a commit, and dumps its data in Kafka, Redis and its files to
test/integration/compatibility/fixtures/.

  npx tsx test/integration/compatibility/make-fixtures.ts <commit>
`;

const [revision] = process.argv.slice(2);
if (revision === undefined || revision.startsWith('-')) {
  process.stdout.write(USAGE);
} else {
  await using old = await buildOldVersion(revision);
  for (const store of STORES) {
    const fixture = await driveOldVersion(old, store);
    const json = JSON.stringify(fixture, undefined, 2);
    writeFileSync(pathOf(store), await format(json, { parser: 'json', printWidth: 90 }));
    process.stdout.write(`${store}: written\n`);
  }
}
