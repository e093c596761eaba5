import { z } from 'zod';
import type { GeminiRequest } from '../../gemini/gemini-request.js';

/** Where a file is, as Gemini says it; one of another form is as good as none. */
export const fileUri = z.string().max(500).optional().catch(undefined);

/** `files/1`, and `https://…/v1beta/files/1:download?alt=media` as videos have it. */
const FILE = /(?:^|\/)(files\/[A-Za-z0-9_-]{1,128})(?::download)?(?:\?|$)/;

/**
 * The bytes of a file at Gemini: only its name is taken from the URI, never a host to ask.
 *
 * @returns undefined for what is elsewhere, as `gs://…`.
 */
export function fileContent(uri: string): GeminiRequest | undefined {
  const [, name] = FILE.exec(uri) ?? [];
  if (name === undefined || uri.startsWith('gs:')) return undefined;
  return { method: 'GET', path: `${name}:download`, query: { alt: 'media' } };
}
