import { randomBytes } from 'node:crypto';
import type { Keyring } from '../../../src/infrastructure/files/keyring.js';

/** A line of `VAULT_KEYS_FILE` with a new key. */
export const keyLine = (kid: string) => `${kid}:${randomBytes(32).toString('base64url')}`;

/** A keyring of new keys, newest first. */
export const keyring = (...kids: readonly string[]): Keyring =>
  new Map(kids.map((kid) => [kid, new Uint8Array(randomBytes(32))]));
