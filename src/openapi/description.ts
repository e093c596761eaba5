import type { z } from 'zod';
import type { ProblemCode } from '../internal-api/problems/problem-codes.js';
import type { Answer, Body, Parameter } from './openapi-objects.js';
import { schemaOf, type Schema } from './schemas.js';

/** What the code of an operation does not say of itself. */
export interface Description {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Body;
  /** By status; without those that refuse. */
  readonly answers: Readonly<Record<string, Answer>>;
  readonly problems: readonly ProblemCode[];
}

/** With what Gemini refuses, or does not answer. */
export const GEMINI_PROBLEMS = [
  'gemini-rate-limited',
  'gemini-refused',
  'gemini-unavailable',
] as const;

export function idParameter(example: string): Parameter {
  return { name: 'id', in: 'path', required: true, schema: { type: 'string' }, example };
}

export function queryParameters(query: z.ZodType): Parameter[] {
  const { properties = {} } = schemaOf(query);
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    schema: schema as Schema,
  }));
}

export function jsonAnswer(
  description: string,
  schema: Schema,
  example: unknown,
): Answer {
  return { description, content: { 'application/json': { schema, example } } };
}
