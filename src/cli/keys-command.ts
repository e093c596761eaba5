import { randomBytes } from 'node:crypto';
import { KEY_BYTES, parseKeyring } from '../infrastructure/files/keyring.js';
import { CommandError, type Report } from './terminal.js';

/**
 * @param kid made of today's date when absent.
 * @throws {CommandError} for a name that no key can have.
 */
export function generateKey(kid = kidOf(new Date())): Report {
  const key = randomBytes(KEY_BYTES).toString('base64url');
  const line = `${kid}:${key}`;
  try {
    parseKeyring(line);
  } catch {
    throw new CommandError(
      `--kid: got ${kid}; want 1 to 32 letters, digits, - or _. Remedy: correct it, or leave --kid out`,
    );
  }
  return { json: { kid, key }, lines: [line] };
}

function kidOf(date: Date): string {
  return `k${date.toISOString().slice(0, 10).replaceAll('-', '')}`;
}
