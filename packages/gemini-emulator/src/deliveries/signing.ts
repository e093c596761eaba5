import {
  generateKeyPairSync,
  randomBytes,
  sign as signBytes,
  type KeyObject,
} from 'node:crypto';
import { SignJWT, type JWTHeaderParameters, type JWTPayload } from 'jose';
import { Webhook } from 'standardwebhooks';

/** Google's JWKS was seen with three OKP keys (googleapis/python-genai issue 2927). */
const ED25519_KEYS = 3;
/** The middle key signs, so that a receiver that tries only the first or the last key fails. */
const SIGNING_KEY = 1;
const RSA_BITS = 2048;
/** Length of the key ids in Google's other key sets. */
const KID_BYTES = 20;

export interface GoogleKeysOptions {
  /** True if keys and tokens have a `kid`. Assumption: true; no key of Google's was published. */
  readonly kid?: boolean;
  /** True if the set has the RS256 key beside the Ed25519 keys. */
  readonly rsa?: boolean;
}

/** Changes to a token that make a careful receiver refuse it: another key, another `alg`, no `kid`. */
export interface JwtOverrides {
  readonly header?: Partial<JWTHeaderParameters>;
  readonly key?: KeyObject | Uint8Array;
}

/** A public key as the JWKS spells it. */
export type PublicJwk = Record<string, string>;

interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** The keys that sign dynamic deliveries. Google has one set for all customers, so a signature does not prove which project it is from. */
export class GoogleKeys {
  private rsaKeys: SigningKey[] = [];

  private constructor(
    private readonly options: Required<GoogleKeysOptions>,
    private ed25519Keys: SigningKey[],
  ) {}

  static create(options: GoogleKeysOptions = {}): GoogleKeys {
    return new GoogleKeys({ kid: true, rsa: true, ...options }, ed25519Set());
  }

  /** The document at `/.well-known/jwks.json`. */
  jwks(rsa = this.options.rsa): { keys: PublicJwk[] } {
    const keys = this.ed25519Keys.map((key) => this.publicJwk(key, 'EdDSA'));
    if (rsa) {
      this.rsaKey();
      keys.push(...this.rsaKeys.map((key) => this.publicJwk(key, 'RS256')));
    }
    return { keys };
  }

  /** `v1a,<base64>`, an Ed25519 signature over `id.timestamp.body`, as observed. @param timestamp Unix seconds */
  signV1a(id: string, timestamp: number, body: string | Uint8Array): string {
    const key = this.ed25519Keys[SIGNING_KEY] ?? this.ed25519Keys[0];
    if (!key) throw new Error('the key set is empty');
    const signed = Buffer.concat([
      Buffer.from(`${id}.${timestamp}.`),
      typeof body === 'string' ? Buffer.from(body) : body,
    ]);
    return `v1a,${signBytes(null, signed, key.privateKey).toString('base64')}`;
  }

  /** A compact RS256 JWS with exactly these claims. The caller sets the times (`iat`, `exp`, Unix seconds). */
  async signJwt(claims: JWTPayload, overrides: JwtOverrides = {}): Promise<string> {
    const key = this.rsaKey();
    const kid = this.options.kid ? { kid: key.kid } : {};
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...kid, ...overrides.header })
      .sign(overrides.key ?? key.privateKey);
  }

  /** Replaces the keys. @param kept number of old keys of each type that stay published */
  rotate(kept = 0): void {
    this.ed25519Keys = [...ed25519Set(), ...this.ed25519Keys.slice(0, kept)];
    // An RSA key takes up to half a second, and many tests need none: it is made when it is first used
    if (this.rsaKeys.length > 0) {
      this.rsaKeys = [newRsaKey(), ...this.rsaKeys.slice(0, kept)];
    }
  }

  private rsaKey(): SigningKey {
    const [newest] = this.rsaKeys;
    if (newest) return newest;
    const made = newRsaKey();
    this.rsaKeys = [made];
    return made;
  }

  private publicJwk(key: SigningKey, alg: string): PublicJwk {
    const jwk: PublicJwk = { alg, use: 'sig' };
    if (this.options.kid) jwk['kid'] = key.kid;
    for (const [name, value] of Object.entries(key.publicKey.export({ format: 'jwk' }))) {
      if (typeof value === 'string') jwk[name] = value;
    }
    return jwk;
  }
}

/** One `v1,<base64>` entry for each secret, as a sender with rotated secrets has them. @param timestamp Unix seconds */
export function signV1(
  secrets: readonly string[],
  id: string,
  timestamp: number,
  body: string | Buffer,
): string {
  const at = new Date(timestamp * 1000);
  return secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' ');
}

function ed25519Set(): SigningKey[] {
  return Array.from({ length: ED25519_KEYS }, () =>
    named(generateKeyPairSync('ed25519')),
  );
}

function newRsaKey(): SigningKey {
  return named(generateKeyPairSync('rsa', { modulusLength: RSA_BITS }));
}

function named(pair: { privateKey: KeyObject; publicKey: KeyObject }): SigningKey {
  return { kid: randomBytes(KID_BYTES).toString('hex'), ...pair };
}
