import { z } from 'zod';
import type { GeminiRequest } from '../../gemini/gemini-request.js';

/** URI of a file in an answer of Gemini. A value of another form counts as absent. */
export const fileUri = z.string().max(500).optional().catch(undefined);

/** `files/1`, and `https://…/v1beta/files/1:download?alt=media` as videos have it. */
const FILE = /(?:^|\/)(files\/[A-Za-z0-9_-]{1,128})(?::download)?(?:\?|$)/;

/**
 * Request of a file's bytes. Only the file's name comes from the URI: the bridge never sends its
 * key to a host of an answer.
 *
 * @returns undefined for a file that is not at Gemini (`gs://…`).
 */
export function fileContent(uri: string): GeminiRequest | undefined {
  const [, name] = FILE.exec(uri) ?? [];
  if (name === undefined || uri.startsWith('gs:')) return undefined;
  return { method: 'GET', path: `${name}:download`, query: { alt: 'media' } };
}
