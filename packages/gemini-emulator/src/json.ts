import { invalid } from './api-error.js';

export type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The member with that snake_case name, or with the same name in camelCase. Google's parsers take both spellings, and
 * the SDK sends both, even within one message.
 */
export function member(object: Json, snakeName: string): unknown {
  return object[snakeName] ?? object[camelCase(snakeName)];
}

export function objectMember(object: Json, snakeName: string): Json | undefined {
  const value = member(object, snakeName);
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalid(`Invalid value at '${snakeName}': not an object.`);
  return value;
}

export function stringMember(object: Json, snakeName: string): string | undefined {
  const value = member(object, snakeName);
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') {
    throw invalid(
      `Invalid value at '${snakeName}' (TYPE_STRING), ${JSON.stringify(value)}`,
    );
  }
  return value;
}

export function numberMember(object: Json, snakeName: string): number | undefined {
  const value = member(object, snakeName);
  if (value !== undefined && typeof value !== 'number') {
    throw invalid(`${snakeName} must be a number.`);
  }
  return value;
}

export function stringsMember(object: Json, snakeName: string): string[] | undefined {
  const value = member(object, snakeName);
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string')) {
    throw invalid(`Invalid value at '${snakeName}': not a list of strings.`);
  }
  return value;
}

export function camelCase(snakeName: string): string {
  return snakeName.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
