import { errors, jwtVerify, SignJWT } from 'jose';
import { newest, type Keyring } from '../infrastructure/files/keyring.js';
import { SignatureError } from './signature.error.js';

/** What a path token says: which of our jobs a delivery to that path is about. */
export interface Capability {
  readonly jobId: string;
  readonly correlationId: string;
  /** Of the `user_metadata` that Gemini was given; older tokens have none. */
  readonly metadataHash?: string | undefined;
}

const ISSUER = 'gemini-kafka-bridge';
const MAX_LENGTH = 2048;

/**
 * A path token for one job. Google's keys are Google's: anyone's project can make Google
 * sign a delivery to our URL, so a signature is believed only on a path that we gave out.
 * Tokens do not expire; a key that leaves the file ends those that it signed.
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

/** @throws {SignatureError} `capability-invalid` for anything that we did not sign. */
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
