import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { SignJWT } from 'jose';
import { json, LoopbackServer, text } from './loopback-server.js';

export const AUDIENCE = 'gemini-bridge';

/** A signing key of the issuer. */
export interface IssuerKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** Changes to a valid token. A claim that is undefined is left out. */
export interface TokenChanges {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly key?: IssuerKey;
}

export function issuerKey(kid: string, alg = 'ES256'): IssuerKey {
  return { kid, alg, ...keyPair(alg) };
}

/** An OIDC issuer on loopback, with a discovery document, a JWKS and matching tokens. */
export class TestIssuer implements AsyncDisposable {
  /** Keys of the JWKS. The first one signs. */
  keys: IssuerKey[] = [issuerKey('key-1')];
  /** Overrides members of the discovery document. */
  document: Readonly<Record<string, unknown>> = {};
  /** Answers every request when set. */
  fault: RequestListener | undefined;

  private constructor(private readonly server: LoopbackServer) {
    server.answer = (request, response) => this.answer(request, response);
  }

  static async start(): Promise<TestIssuer> {
    return new TestIssuer(await LoopbackServer.start());
  }

  get url(): string {
    return this.server.url;
  }

  /** Requested paths, in order. */
  get asked(): (string | undefined)[] {
    return this.server.requests.map(({ url }) => url);
  }

  /** A valid token with these changes. */
  async token({
    claims,
    header,
    key = this.keys[0]!,
  }: TokenChanges = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const given = {
      iss: this.url,
      aud: AUDIENCE,
      sub: 'billing',
      exp: now + 300,
      ...claims,
    };
    return new SignJWT(given)
      .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
      .sign(key.privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }

  private readonly answer: RequestListener = (request, response) => {
    if (this.fault) return this.fault(request, response);
    const { url } = this;
    const listener = {
      '/.well-known/openid-configuration': json({
        issuer: url,
        jwks_uri: `${url}/keys`,
        ...this.document,
      }),
      '/keys': json({ keys: this.keys.map(publicJwk) }),
    }[request.url ?? ''];
    (listener ?? text(404, ''))(request, response);
  };
}

function publicJwk({ kid, alg, publicKey }: IssuerKey) {
  return { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

function keyPair(alg: string): { privateKey: KeyObject; publicKey: KeyObject } {
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  if (alg === 'ES384') return generateKeyPairSync('ec', { namedCurve: 'P-384' });
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}
