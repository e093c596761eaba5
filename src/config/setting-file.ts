import { readFileSync, statSync } from 'node:fs';
import { FormError } from './problem.js';

/** A chain of certificates has some thousand bytes. */
const MAX_BYTES = 1024 * 1024;

const WANTS = 'the path of a file with text that the bridge can read';

/**
 * Reads a file that a setting names.
 *
 * @returns its text, which is not blank.
 * @throws {FormError} with the path and the reason: missing, a directory, unreadable, empty or above 1 MiB.
 */
export function readSettingFile(path: string): string {
  const text = contentOf(path);
  if (text.trim() === '') {
    throw new FormError(`${path}, which is empty`, WANTS, 'write its content');
  }
  return text;
}

function contentOf(path: string): string {
  try {
    const found = statSync(path);
    if (found.isDirectory()) throw unusable(path, 'is a directory', 'name a file in it');
    if (!found.isFile())
      throw unusable(path, 'is no regular file', 'name a regular file');
    if (found.size > MAX_BYTES) {
      throw unusable(path, `has ${found.size} bytes`, 'name a file of at most 1 MiB');
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof FormError) throw error;
    throw unreadable(path, (error as NodeJS.ErrnoException).code ?? 'unknown');
  }
}

function unreadable(path: string, code: string): FormError {
  if (code !== 'ENOENT' && code !== 'ENOTDIR') {
    const remedy = 'give the user of the bridge the right to read it';
    return unusable(path, `cannot be read (${code})`, remedy);
  }
  // The content of the file may stand here by mistake, and may be a secret.
  if (/^\.{0,2}\//.test(path)) {
    return unusable(path, 'does not exist', 'create it, or correct the path');
  }
  return new FormError(
    `${path.length} characters that are no path of a file that exists`,
    WANTS,
    'write the content into a file, and set the variable to its absolute path',
  );
}

function unusable(path: string, reason: string, remedy: string): FormError {
  return new FormError(`${path}, which ${reason}`, WANTS, remedy);
}
