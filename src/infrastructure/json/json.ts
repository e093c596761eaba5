import { createHash } from 'node:crypto';

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/**
 * JSON with sorted members, so two values with the same meaning give the same text. Numbers are
 * written as JavaScript reads them.
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

/** A copy of the object without these members. */
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

/** True when objects and arrays are nested deeper than `levels`. It does not recurse. */
export function isDeeper(value: unknown, levels: number): boolean {
  return excessOf(value, { levels, members: Infinity }) !== undefined;
}

export interface JsonBounds {
  /** Nesting depth of objects and arrays. */
  readonly levels: number;
  /** Number of members of all objects and arrays together. */
  readonly members: number;
}

/** The bound that the value exceeds, if any. It does not recurse, whatever the depth. */
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
