import { invalid } from '../api-error.js';
import type { Call, Reply } from './http.js';
import { isObject, type Json } from '../json.js';

/** A parsed mask: the members to keep. An empty tree keeps everything below it; `*` stands for any name. */
interface Tree extends Map<string, Tree> {}

/**
 * Keeps the members that a mask names, in Google's syntax: `name,metadata.state`, `metadata/state`,
 * `operations(name,done)`, `*`. Unknown names are ignored; Google answers 400 to names that its schema does not have.
 */
function masked(value: unknown, mask: string): unknown {
  return keep(value, parse(mask));
}

/** Reduces an answer to the part that the caller asked for by `fields`, `$fields` or the header `X-Goog-FieldMask`. */
export function withFieldMask(reply: Reply, { url, headers }: Call): Reply {
  const mask =
    url.searchParams.get('fields') ??
    url.searchParams.get('$fields') ??
    headers['x-goog-fieldmask'];
  const json = !reply.stream && !(reply.body instanceof Uint8Array);
  if (typeof mask !== 'string' || mask === '' || !json) return reply;
  return { ...reply, body: masked(reply.body, mask) };
}

function keep(value: unknown, tree: Tree): unknown {
  if (tree.size === 0) return value;
  if (Array.isArray(value)) return value.map((entry) => keep(entry, tree));
  if (!isObject(value)) return value;
  const kept: Json = {};
  for (const [name, below] of Object.entries(value)) {
    const subtree = tree.get(name) ?? tree.get('*');
    if (subtree) kept[name] = keep(below, subtree);
  }
  return kept;
}

function parse(mask: string): Tree {
  const tokens = mask.match(/[^\s,./()]+|[,./()]/g) ?? [];
  const root: Tree = new Map();
  const open: Tree[] = [];
  let parent = root;
  let current = root;
  for (const token of tokens) {
    if (token === '(') {
      open.push(parent);
      parent = current;
    } else if (token === ')') {
      parent = open.pop() ?? fail(mask);
    } else if (token === ',') {
      current = parent;
    } else if (token !== '.' && token !== '/') {
      current = child(current, token);
    }
  }
  return open.length === 0 ? root : fail(mask);
}

function child(tree: Tree, name: string): Tree {
  const found = tree.get(name);
  if (found) return found;
  const made: Tree = new Map();
  tree.set(name, made);
  return made;
}

function fail(mask: string): never {
  throw invalid(`Error expanding 'fields' parameter: ${mask}`);
}
