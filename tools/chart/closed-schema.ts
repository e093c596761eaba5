export interface Schema {
  readonly [keyword: string]: unknown;
}

/** Keywords that are copied. The others are descriptions, or for the API server. */
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
 * Turns an OpenAPI schema into a JSON Schema that refuses unknown keys. The API server drops some of them without a
 * message, so a misspelt key would have no effect.
 */
export function closeSchema(schema: Schema, refTo: (ref: string) => string): Schema {
  if (schema['x-kubernetes-int-or-string'] || schema['format'] === 'int-or-string') {
    return { type: ['integer', 'string'] };
  }
  const kept = Object.entries(schema).filter(
    // Go accepts flags within a pattern, JavaScript does not.
    ([keyword, value]) => KEPT.includes(keyword) && !String(value).includes('(?'),
  );
  const result: Record<string, unknown> = Object.fromEntries(kept);
  const inner = (value: unknown) => closeSchema(value as Schema, refTo);
  if (typeof schema['$ref'] === 'string') result['$ref'] = refTo(schema['$ref']);
  if (schema['items']) result['items'] = inner(schema['items']);
  const { properties, additionalProperties } = schema;
  if (properties) {
    result['properties'] = mapValues(properties as Record<string, unknown>, inner);
    if (!schema['x-kubernetes-preserve-unknown-fields'])
      result['additionalProperties'] = false;
  } else if (typeof additionalProperties === 'object') {
    result['additionalProperties'] = inner(additionalProperties);
  }
  for (const each of ['anyOf', 'oneOf', 'allOf']) {
    // Beside properties, these schemas have no types and only list required keys.
    if (Array.isArray(schema[each]) && !properties)
      result[each] = schema[each].map(inner);
  }
  return result;
}

function mapValues<T>(
  record: Record<string, T>,
  change: (value: T) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [key, change(value)]),
  );
}
