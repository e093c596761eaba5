import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = join(import.meta.dirname, '..', '..', '..', 'package.json');

/** Of this build. */
export const { version: VERSION } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as {
  version: string;
};
