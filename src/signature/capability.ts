import { errors, jwtVerify, SignJWT } from 'jose';
import { entries } from '../watched-file.js';
import { SignatureError } from './signature.error.js';

/** What a path token says: which of our jobs a delivery to that path is about. */
export interface Capability {
  readonly jobId: string;
  readonly correlationId: string;
  /** Of the `user_metadata` that Gemini was given; older tokens have none. */
  readonly metadataHash?: string | undefined;
}

/** Keys of the path tokens by `kid`, newest first. */
export type CapabilityKeys = ReadonlyMap<string, Uint8Array>;

const KEY_BYTES = 32;
const ISSUER = 'gemini-kafka-bridge';
const MAX_LENGTH = 2048;

/**
 * Reads one `kid:<base64url of 32 bytes>` a line.
 *
 * @throws {Error} for an empty file, another form or a repeated `kid`; no key is in it.
 */
export function parseCapabilityKeys(text: string): CapabilityKeys {
  const keys = new Map<string, Uint8Array>();
  for (const entry of entries(text)) {
    const match = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9_-]{43})=?$/.exec(entry);
    const key = Buffer.from(match?.[2] ?? '', 'base64url');
    if (!match || key.length !== KEY_BYTES) {
      throw new Error('a capability key reads kid:<base64url of 32 bytes>');
    }
    if (keys.has(match[1] as string))
      throw new Error(`capability key ${match[1]} is there twice`);
    keys.set(match[1] as string, key);
  }
  if (keys.size === 0) throw new Error('there is no capability key');
  return keys;
}

/**
 * A path token for one job. Google's keys are Google's: anyone's project can make Google
 * sign a delivery to our URL, so a signature is believed only on a path that we gave out.
 * Tokens do not expire; a key that leaves the file ends those that it signed.
 */
export async function issueCapability(
  { jobId, correlationId, metadataHash }: Capability,
  keys: CapabilityKeys,
): Promise<string> {
  const [kid, key] = keys.entries().next().value as [string, Uint8Array];
  return new SignJWT({ cid: correlationId, mdh: metadataHash })
    .setProtectedHeader({ alg: 'HS256', kid })
    .setIssuer(ISSUER)
    .setSubject(jobId)
    .sign(key);
}

/** @throws {SignatureError} `capability-invalid` for anything that we did not sign. */
export async function verifyCapability(
  token: string,
  keys: CapabilityKeys,
): Promise<Capability> {
  if (token.length > MAX_LENGTH) throw new SignatureError('capability-invalid');
  try {
    const { payload } = await jwtVerify(
      token,
      ({ kid }) => {
        const key = keys.get(kid ?? '');
        if (!key) throw new errors.JWKSNoMatchingKey();
        return key;
      },
      { algorithms: ['HS256'], issuer: ISSUER, requiredClaims: ['sub', 'cid'] },
    );
    return {
      jobId: payload.sub as string,
      correlationId: payload['cid'] as string,
      metadataHash: payload['mdh'] as string | undefined,
    };
  } catch (cause) {
    throw new SignatureError('capability-invalid', { cause });
  }
}
