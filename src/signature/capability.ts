import { errors, jwtVerify, SignJWT } from 'jose';
import { newest, type Keyring } from '../infrastructure/files/keyring.js';
import { SignatureError } from './signature.error.js';

/** The content of a path token: the job that a delivery to that path is about. */
export interface Capability {
  readonly jobId: string;
  readonly correlationId: string;
  /** Hash of the `user_metadata` that was sent to Gemini. Older tokens have none. */
  readonly metadataHash?: string | undefined;
}

const ISSUER = 'gemini-kafka-bridge';
const MAX_LENGTH = 2048;

/**
 * Makes the path token of one job, a JWT signed with HS256 under the newest key.
 *
 * Google signs the deliveries of all projects with the same keys, and any project can name our
 * URL. The bridge therefore accepts Google's signature only on a path that it issued itself.
 * Tokens do not expire. Removing a key from the file invalidates the tokens it signed.
 */
export async function issueCapability(
  { jobId, correlationId, metadataHash }: Capability,
  keys: Keyring,
): Promise<string> {
  const [kid, key] = newest(keys);
  return new SignJWT({ cid: correlationId, mdh: metadataHash })
    .setProtectedHeader({ alg: 'HS256', kid })
    .setIssuer(ISSUER)
    .setSubject(jobId)
    .sign(key);
}

/** @throws {SignatureError} `capability-invalid` for a token that no key of `keys` signed. */
export async function verifyCapability(
  token: string,
  keys: Keyring,
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
