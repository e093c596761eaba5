import { randomBytes } from 'node:crypto';
import { KEY_BYTES, parseKeyring } from '../infrastructure/files/keyring.js';
import { CommandError, type Report } from './terminal.js';

/** @param kid the day when absent. @throws {CommandError} for a name that no key can have. */
export function generateKey(kid = dayOf(new Date())): Report {
  const key = randomBytes(KEY_BYTES).toString('base64url');
  const line = `${kid}:${key}`;
  try {
    parseKeyring(line);
  } catch {
    throw new CommandError(`--kid ${kid}: want 1-32 letters, digits, - or _`);
  }
  return { json: { kid, key }, lines: [line] };
}

function dayOf(date: Date): string {
  return `k${date.toISOString().slice(0, 10).replaceAll('-', '')}`;
}
