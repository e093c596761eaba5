import { createHash } from 'node:crypto';

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/**
 * The same text for what means the same: whoever passes JSON on may sort its members anew.
 * Numbers are compared as JavaScript reads them.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    isObject(member)
      ? Object.fromEntries(
          Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)),
        )
      : member,
  );
}

/** SHA-256 of the canonical JSON, base64url. */
export function jsonHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('base64url');
}

/** The object without these members. */
export function without<T extends object, K extends keyof T>(
  whole: T,
  ...names: readonly K[]
): Omit<T, K> {
  const rest = { ...whole };
  for (const name of names) delete rest[name];
  return rest;
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether objects and arrays are within each other on more levels; asked without recursion. */
export function isDeeper(value: unknown, levels: number): boolean {
  return excessOf(value, { levels, members: Infinity }) !== undefined;
}

export interface JsonBounds {
  /** Of objects and arrays within each other. */
  readonly levels: number;
  /** Of all objects and arrays together. */
  readonly members: number;
}

/** Which of its bounds the value goes beyond, if any; asked without recursion. */
export function excessOf(
  value: unknown,
  { levels, members }: JsonBounds,
): keyof JsonBounds | undefined {
  let containers = [value].filter(isContainer);
  let count = 0;
  for (let level = 0; containers.length > 0; level++) {
    if (level === levels) return 'levels';
    const next: object[] = [];
    for (const container of containers) {
      const values = membersOf(container);
      count += values.length;
      if (count > members) return 'members';
      for (const member of values) if (isContainer(member)) next.push(member);
    }
    containers = next;
  }
  return undefined;
}

function membersOf(container: object): readonly unknown[] {
  return Array.isArray(container) ? container : Object.values(container);
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
