/**
 * Access of the breaks to the modules and classes of the built bridge. The bridge needs no hooks for them.
 * `reflect-metadata` is imported first, because the classes record the types that Nest injects when they are defined.
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

/** The classes in a folder of `dist/` that define this method and do not inherit it. */
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

/** Replaces a method by `wrap(original)`. @throws {Error} if the class has no such method, and the break no effect */
export function replace(owner, method, wrap) {
  const original = owner.prototype[method];
  if (typeof original !== 'function') {
    throw new Error(`${owner.name} has no ${method}: this break has to be adapted`);
  }
  owner.prototype[method] = wrap(original);
}

const patched = new WeakMap();

/** Makes a property read as false. Assignments to it have no effect. */
export function alwaysFalse(object, property) {
  if (patched.get(object) === property) return;
  patched.set(object, property);
  Object.defineProperty(object, property, { get: () => false, set() {} });
}

/** Notes the break in the log of the replica. */
export function announce(name) {
  process.stderr.write(`${JSON.stringify({ message: 'broken on purpose', name })}\n`);
}
