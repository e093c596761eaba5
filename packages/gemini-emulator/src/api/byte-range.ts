import { ApiError } from '../api-error.js';

/** Positions of the first and the last byte of a range; both belong to it. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * The range that a `Range` header asks for; undefined for the whole content. A header with several ranges is answered
 * with the whole content, as HTTP allows.
 *
 * @param bytes length of the content
 * @throws {ApiError} 416 when the content has no byte of the range
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
