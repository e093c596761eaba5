import type { Type } from '@nestjs/common';
import type { z } from 'zod';
import type { Operation } from '../auth/protect.js';
import type { ProblemCode } from '../problems/problem-codes.js';
import type { Answer, Body, Parameter, Tag } from './openapi-objects.js';
import { reference, schemaOf, type Schema } from './json-schema.js';

/** The part of the OpenAPI document that a feature contributes. */
export interface ApiDescription {
  readonly tags: readonly Tag[];
  readonly controller: Type;
  /** @returns undefined for an operation that has no description. */
  readonly describe: (operation: Operation) => OperationDescription | undefined;
  /** Named schemas of request bodies. */
  readonly requests: Readonly<Record<string, z.ZodType>>;
  /** Named schemas of answers and events. */
  readonly answers: Readonly<Record<string, z.ZodType>>;
  /** Events that the feature publishes to Kafka, by type. */
  readonly events: Readonly<Record<string, EventDescription>>;
}

/** Texts and schemas of an operation. Path, method and scope come from the controller. */
export interface OperationDescription {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Body;
  /** Successful answers by status. */
  readonly answers: Readonly<Record<string, Answer>>;
  readonly problems: readonly ProblemCode[];
}

/** An event on Kafka. Its value is JSON. */
export interface EventDescription {
  readonly summary: string;
  readonly topic: string;
  /** Name of its schema. */
  readonly schema: string;
  readonly example: unknown;
}

/** Problems of operations that call Gemini. */
export const GEMINI_PROBLEMS = [
  'gemini-rate-limited',
  'gemini-refused',
  'gemini-unavailable',
] as const;

export function idParameter(description: string, example: string): Parameter {
  const schema = { type: 'string' } as const;
  return { name: 'id', in: 'path', required: true, description, schema, example };
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
  schemaName: string,
  example: unknown,
): Answer {
  const schema = reference(schemaName);
  return { description, content: { 'application/json': { schema, example } } };
}

/** The first example of the schema's `meta()`. */
export function exampleOf(type: z.ZodType): unknown {
  const [example] = (type.meta()?.['examples'] ?? []) as unknown[];
  return example;
}
