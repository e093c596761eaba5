import { invalid } from './api-error.js';

const DEFAULT_SIZE = 50;
/** Larger requests get this many, without an error. */
const MAX_SIZE = 1000;

export interface Page<T> {
  readonly items: T[];
  readonly nextToken: string | undefined;
}

/** One page of a list. The token is opaque to clients; it holds the offset of the next page. */
export function page<T>(
  all: readonly T[],
  size: string | undefined,
  token: string | undefined,
): Page<T> {
  const asked = Number(size || DEFAULT_SIZE);
  if (!Number.isInteger(asked) || asked < 0) throw invalid(`Invalid page size: ${size}`);
  const start = token ? offset(token) : 0;
  const end = start + Math.min(asked || DEFAULT_SIZE, MAX_SIZE);
  return {
    items: all.slice(start, end),
    nextToken:
      end < all.length ? Buffer.from(`after:${end}`).toString('base64url') : undefined,
  };
}

function offset(token: string): number {
  const found = /^after:(\d+)$/.exec(Buffer.from(token, 'base64url').toString());
  if (!found) throw invalid('Page token is invalid.');
  return Number(found[1]);
}
