import {
  generateKeyPairSync,
  randomBytes,
  sign as signBytes,
  type KeyObject,
} from 'node:crypto';
import { SignJWT, type JWTHeaderParameters, type JWTPayload } from 'jose';
import { Webhook } from 'standardwebhooks';

/** Three OKP keys were seen at Google's address (googleapis/python-genai issue 2927). */
const ED25519_KEYS = 3;
/** The middle one: a receiver that tries only the first or only the last key of the set must fail. */
const SIGNING_KEY = 1;
const RSA_BITS = 2048;
/** As long as the key ids of Google's other key sets. */
const KID_BYTES = 20;

export interface GoogleKeysOptions {
  /** Whether keys and tokens carry a `kid`. Assumption: yes; nobody published whether Google's do. */
  readonly kid?: boolean;
  /** Whether the set holds the RS256 key beside the Ed25519 ones. */
  readonly rsa?: boolean;
}

/** For tokens that a careful receiver must refuse: another key, another `alg`, a missing `kid`. */
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

/** The keys of dynamic deliveries. They are Google's, the same for every customer, which is why they prove so little. */
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

  /** `v1a,<base64>`: Ed25519 over `id.timestamp.body`, as observed. `timestamp` in seconds. */
  signV1a(id: string, timestamp: number, body: string | Uint8Array): string {
    const key = this.ed25519Keys[SIGNING_KEY] ?? this.ed25519Keys[0];
    if (!key) throw new Error('the key set is empty');
    const signed = Buffer.concat([
      Buffer.from(`${id}.${timestamp}.`),
      typeof body === 'string' ? Buffer.from(body) : body,
    ]);
    return `v1a,${signBytes(null, signed, key.privateKey).toString('base64')}`;
  }

  /** A compact RS256 JWS with exactly these claims: times (`iat`, `exp`, seconds) are the caller's to set. */
  async signJwt(claims: JWTPayload, overrides: JwtOverrides = {}): Promise<string> {
    const key = this.rsaKey();
    const kid = this.options.kid ? { kid: key.kid } : {};
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...kid, ...overrides.header })
      .sign(overrides.key ?? key.privateKey);
  }

  /** New keys from now on. `kept`: how many of the old ones of each type stay published beside them (0: none). */
  rotate(kept = 0): void {
    this.ed25519Keys = [...ed25519Set(), ...this.ed25519Keys.slice(0, kept)];
    // Without an old one none is made: 2048 bits cost up to half a second, and many a test never needs them.
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

/** One `v1,<base64>` entry for each secret, as a sender with rotated secrets does. `timestamp` in seconds. */
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
