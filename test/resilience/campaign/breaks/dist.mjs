/**
 * For the breaks: the built bridge's own modules, and its classes, so that what a break does needs no hook in the code.
 * `reflect-metadata` comes first: without it the classes would be made without what Nest injects by.
 */
import { realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import 'reflect-metadata';

/** Folder of the running `main.js`, which is in a copy of the build. */
const DIST = new URL('.', pathToFileURL(realpathSync(process.argv[1])));

/** Loads the module that `main.js` loads too, by its path in `dist/`. */
export function load(path) {
  return import(new URL(path, DIST));
}

/** Every class in a folder of `dist/` that has this method itself. */
export async function classesWith(folder, method) {
  const files = await readdir(new URL(`${folder}/`, DIST));
  const modules = await Promise.all(
    files.filter((file) => file.endsWith('.js')).map((file) => load(`${folder}/${file}`)),
  );
  const classes = new Set(modules.flatMap((module) => Object.values(module)));
  return Array.from(classes).filter(
    (exported) =>
      typeof exported === 'function' && Object.hasOwn(exported.prototype ?? {}, method),
  );
}

/** Puts `wrap(original)` in the place of a method; an error where there is none, so that no break breaks nothing. */
export function replace(owner, method, wrap) {
  const original = owner.prototype[method];
  if (typeof original !== 'function') {
    throw new Error(`${owner.name} has no ${method}: this break has to be adapted`);
  }
  owner.prototype[method] = wrap(original);
}

const patched = new WeakMap();

/** The property can be set, and is false. */
export function alwaysFalse(object, property) {
  if (patched.get(object) === property) return;
  patched.set(object, property);
  Object.defineProperty(object, property, { get: () => false, set() {} });
}

/** One line for the log of the replica: this is not the bridge as it was built. */
export function announce(name) {
  process.stderr.write(`${JSON.stringify({ message: 'broken on purpose', name })}\n`);
}
