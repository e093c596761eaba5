import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isPair, isScalar, parseDocument } from 'yaml';

export const CHART = join(import.meta.dirname, '..', '..', 'helm');

/** One key of values.yaml, groups included, in the order of the file. */
export interface ValuesKey {
  readonly path: readonly string[];
  readonly value: unknown;
  /** The comment above the key; empty without one. */
  readonly comment: string;
  /** True for a map with keys. An empty map is a leaf: its keys belong to Kubernetes or to the user. */
  readonly isGroup: boolean;
}

export function valuesKeys(): ValuesKey[] {
  const text = readFileSync(join(CHART, 'values.yaml'), 'utf8');
  return keysIn(parseDocument(text).contents, [], '');
}

/** The YAML library attaches the comment of the first key to the map. */
function keysIn(node: unknown, above: readonly string[], first: string): ValuesKey[] {
  if (!isMap(node)) return [];
  const head = node.commentBefore ?? first;
  return node.items.filter(isPair).flatMap((pair, at) => {
    const { key, value } = pair;
    const comment = (isScalar(key) && key.commentBefore) || (at === 0 ? head : '');
    const path = [...above, String(key)];
    const isGroup = isMap(value) && value.items.length > 0;
    const own: ValuesKey = {
      path,
      value: (value as { toJSON(): unknown }).toJSON(),
      comment: comment.trim().replaceAll(/\s*\n\s*/g, ' '),
      isGroup,
    };
    return isGroup ? [own, ...keysIn(value, path, '')] : [own];
  });
}
