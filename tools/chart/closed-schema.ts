export interface Schema {
  readonly [keyword: string]: unknown;
}

/** What is kept: the rest describes, or speaks to the API server. */
const KEPT = [
  'type',
  'required',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  '$ref',
];

/**
 * An OpenAPI schema as a JSON Schema that takes no key which it does not name: the API server drops such a key, or
 * refuses it, and a misspelt one is neither in effect nor noticed.
 */
export function closed(schema: Schema, refTo: (ref: string) => string): Schema {
  if (schema['x-kubernetes-int-or-string'] || schema['format'] === 'int-or-string') {
    return { type: ['integer', 'string'] };
  }
  const kept = Object.entries(schema).filter(
    // Go has flags within a pattern, JavaScript has not.
    ([keyword, value]) => KEPT.includes(keyword) && !String(value).includes('(?'),
  );
  const result: Record<string, unknown> = Object.fromEntries(kept);
  const inner = (value: unknown) => closed(value as Schema, refTo);
  if (typeof schema['$ref'] === 'string') result['$ref'] = refTo(schema['$ref']);
  if (schema['items']) result['items'] = inner(schema['items']);
  const { properties, additionalProperties } = schema;
  if (properties) {
    result['properties'] = mapped(properties as Record<string, unknown>, inner);
    if (!schema['x-kubernetes-preserve-unknown-fields'])
      result['additionalProperties'] = false;
  } else if (typeof additionalProperties === 'object') {
    result['additionalProperties'] = inner(additionalProperties);
  }
  for (const each of ['anyOf', 'oneOf', 'allOf']) {
    // Without types of their own they only say what is required beside what.
    if (Array.isArray(schema[each]) && !properties)
      result[each] = schema[each].map(inner);
  }
  return result;
}

function mapped<T>(
  record: Record<string, T>,
  change: (value: T) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, change(value)]),
  );
}
