import { invalid } from '../api-error.js';

const DEFAULT_SIZE = 50;
/** A larger `page_size` is reduced to this without an error. */
const MAX_SIZE = 1000;

/** `page_size` and `page_token` of a request. */
export interface PageQuery {
  readonly size: string | undefined;
  readonly token: string | undefined;
}

export interface Page<T> {
  readonly items: T[];
  readonly nextToken: string | undefined;
}

/**
 * One page of a list. The token holds the rank of the last item before the page; clients treat it as opaque.
 *
 * @param rank a number that grows along the list. An item keeps its rank when others are added or removed
 */
export function page<T>(
  all: readonly T[],
  size: string | undefined,
  token: string | undefined,
  rank: (item: T, index: number) => number = (_, index) => index,
): Page<T> {
  const asked = Number(size || DEFAULT_SIZE);
  if (!Number.isInteger(asked) || asked < 0) throw invalid(`Invalid page size: ${size}`);
  const after = token ? rankIn(token) : undefined;
  const first =
    after === undefined ? 0 : all.findIndex((item, index) => rank(item, index) > after);
  const start = first < 0 ? all.length : first;
  const end = start + Math.min(asked || DEFAULT_SIZE, MAX_SIZE);
  const last = all[end - 1];
  const more = end < all.length && last !== undefined;
  return {
    items: all.slice(start, end),
    nextToken: more ? tokenOf(rank(last, end - 1)) : undefined,
  };
}

function tokenOf(rank: number): string {
  return Buffer.from(`after:${rank}`).toString('base64url');
}

function rankIn(token: string): number {
  const found = /^after:(-?\d+)$/.exec(Buffer.from(token, 'base64url').toString());
  if (!found) throw invalid('Page token is invalid.');
  return Number(found[1]);
}
