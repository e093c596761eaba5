import { randomBytes, randomInt, randomUUID } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const SECRET_CHARACTERS = 32;
const INTERACTION_ID_BYTES = 48;

/** Ids of webhooks and batches: 36 lower-case letters and digits in every published example. */
export function resourceId(length = 36): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

/** `v1_` and base64url in both cases, as in published examples. */
export function interactionId(): string {
  return `v1_${randomBytes(INTERACTION_ID_BYTES).toString('base64url')}`;
}

/** `whsec_` and base64 of 32 letters and digits, as in the cookbook's outputs. */
export function signingSecret(): string {
  return `whsec_${Buffer.from(resourceId(SECRET_CHARACTERS)).toString('base64')}`;
}

/** The last four characters of a secret, as GET and LIST show it. */
export function truncatedSecret(secret: string): string {
  return `whsec_...${secret.slice(-4)}`;
}

export function messageId(): string {
  return `msg_${randomUUID()}`;
}
