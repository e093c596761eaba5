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
  let containers = containersIn([value]);
  for (let level = 0; containers.length > 0; level++) {
    if (level === levels) return true;
    containers = containers.flatMap(containersIn);
  }
  return false;
}

function containersIn(value: object): object[] {
  const members: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return members.filter(
    (member): member is object => typeof member === 'object' && member !== null,
  );
}
