import { z } from 'zod';
import { without } from '../../infrastructure/json/json.js';

/** JSON Schema of draft 2020-12, which OpenAPI 3.1 uses. */
export type Schema = z.core.JSONSchema.BaseSchema;

type Io = 'input' | 'output';

export function schemaOf(type: z.ZodType, io: Io = 'output'): Schema {
  const schema = z.toJSONSchema(type, { io, override: removePattern });
  return without(schema, '$schema') as Schema;
}

/** @param name a schema of an `ApiDescription`. */
export function reference(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** Converts named types. A type inside another one becomes a reference to its name. */
export function componentsOf(
  types: Readonly<Record<string, z.ZodType>>,
  io: Io,
): Record<string, Schema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, type] of Object.entries(types)) registry.add(type, { id });
  const { schemas } = z.toJSONSchema(registry, {
    io,
    uri: (id) => `#/components/schemas/${id}`,
    override: removePattern,
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => {
      const meta = types[id]?.meta() ?? {};
      const named = { ...meta, ...without(schema, '$schema', '$id') } as Schema;
      return [id, withWholeAlternatives(named)];
    }),
  );
}

/** A `format` says the same as the pattern of its regular expression, and is shorter. */
function removePattern({ jsonSchema }: { jsonSchema: Schema }): void {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
}

/**
 * Writes `oneOf: [{required: ['a']}, {required: ['b']}]` as two whole objects, one with `a` and one
 * with `b`. Generators of clients make `unknown | unknown` of the short form.
 */
function withWholeAlternatives(schema: Schema): Schema {
  const { oneOf, properties = {}, required = [], ...rest } = schema;
  const alternatives = oneOf?.map((each) => each.required ?? []) ?? [];
  if (!oneOf || alternatives.some((names) => names.length === 0)) return schema;
  const { description, examples, ...object } = rest;
  return {
    ...(description !== undefined && { description }),
    ...(examples !== undefined && { examples }),
    oneOf: alternatives.map((own) => {
      const others = alternatives.flat().filter((name) => !own.includes(name));
      return {
        title: `with ${own.join(' and ')}`,
        ...object,
        properties: without(properties, ...others),
        required: [...required, ...own],
      };
    }),
  };
}
