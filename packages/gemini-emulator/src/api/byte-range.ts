import { ApiError } from '../api-error.js';

/** Both ends included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * What `Range` asks of so many bytes; undefined for everything. Several ranges at once are answered with everything,
 * as a server may.
 *
 * @throws {ApiError} 416 when nothing of it is there
 */
export function byteRange(
  header: string | undefined,
  bytes: number,
): ByteRange | undefined {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  const [, from = '', to = ''] = found ?? [];
  if (from === '' && to === '') return undefined;
  const range =
    from === ''
      ? { first: Math.max(0, bytes - Number(to)), last: bytes - 1 }
      : {
          first: Number(from),
          last: Math.min(bytes - 1, to === '' ? bytes - 1 : Number(to)),
        };
  if (range.first <= range.last) return range;
  throw new ApiError(416, `The file has ${bytes} bytes.`);
}
