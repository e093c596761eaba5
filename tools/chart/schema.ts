import { CONSTRAINTS, type Constraint } from './constraints.js';
import type { ValuesKey } from './values-document.js';

interface Schema {
  readonly [keyword: string]: unknown;
  readonly properties?: Record<string, Schema>;
}

/**
 * The schema of values.yaml, which refuses unknown keys. A chart that depends on this one passes `global` and `enabled`
 * to it.
 */
export function valuesSchema(keys: readonly ValuesKey[]): Schema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of gemini-kafka-bridge',
    type: 'object',
    additionalProperties: false,
    properties: { global: { type: 'object' }, enabled: {}, ...propertiesIn([], keys) },
  };
}

function propertiesIn(
  group: readonly string[],
  keys: readonly ValuesKey[],
): Record<string, Schema> {
  const own = keys.filter(({ path }) => path.slice(0, -1).join('.') === group.join('.'));
  return Object.fromEntries(
    own.map((key) => [key.path.at(-1) ?? '', schemaOf(key, keys)]),
  );
}

function schemaOf(key: ValuesKey, keys: readonly ValuesKey[]): Schema {
  const constraint = constraintOf(key.path.join('.'));
  const frame = { description: key.comment };
  if (constraint) return { ...frame, ...constraint };
  if (!key.isGroup) return { ...frame, ...typeOf(key.value) };
  const properties = propertiesIn(key.path, keys);
  return { ...frame, type: 'object', additionalProperties: false, properties };
}

/** The constraint of a path. An exact path wins over one with `*`. */
export function constraintOf(path: string): Constraint | undefined {
  if (CONSTRAINTS[path]) return CONSTRAINTS[path];
  const pattern = Object.keys(CONSTRAINTS).find((each) => isMatch(each, path));
  return pattern === undefined ? undefined : CONSTRAINTS[pattern];
}

function isMatch(pattern: string, path: string): boolean {
  const source = pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]*');
  return pattern.includes('*') && new RegExp(`^${source}$`).test(path);
}

function typeOf(value: unknown): Schema {
  if (typeof value === 'string' || typeof value === 'boolean')
    return { type: typeof value };
  throw new Error(
    `no constraint for ${JSON.stringify(value)}: add one to constraints.ts`,
  );
}
