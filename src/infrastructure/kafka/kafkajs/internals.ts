import { createRequire } from 'node:module';

/*
 * The way into kafkajs's inner modules, which kafkajs does not export. Only the files of this
 * folder use it. README.md of this folder says what they need it for.
 */

/** The release whose inner modules this folder knows. package.json pins the same one. */
export const KAFKAJS_VERSION = '2.2.4';

const require = createRequire(import.meta.url);

/**
 * Refuses any other release of kafkajs than the known one. A patch that does not fit would
 * publish an event twice or stop every request, and no test of this build covers it.
 *
 * @throws {Error} that names both releases and the remedy.
 */
export function assertKafkajsVersion(): void {
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version === KAFKAJS_VERSION) return;
  throw new Error(
    `kafkajs ${version} is installed, but the bridge patches inner modules of kafkajs ${KAFKAJS_VERSION} ` +
      `and starts with no other version; install ${KAFKAJS_VERSION} (npm ci), ` +
      'or adapt the patches: src/infrastructure/kafka/kafkajs/README.md says how',
  );
}

/** The exports of one of kafkajs's inner modules; `path` is below `kafkajs/src/`. */
export function internalModule(path: string): unknown {
  return require(`kafkajs/src/${path}`);
}

/** Gives all modules of kafkajs that load `path` from now on other exports. */
export function replaceInternalModule(path: string, exports: unknown): void {
  const name = `kafkajs/src/${path}`;
  require(name); // puts it into the cache
  const cached = require.cache[require.resolve(name)];
  if (!cached) throw new Error(`${name} is not in the module cache`);
  cached.exports = exports;
}
