import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { lengthOf } from './forms.js';
import { FormError } from './problem.js';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const CERTIFICATES = 'certificates in PEM (-----BEGIN CERTIFICATE-----)';
const PRIVATE_KEY =
  'a private key in PEM (-----BEGIN PRIVATE KEY-----), without a password';

/** @throws {FormError} for a text that is not one or more certificates in PEM. */
export function parseCertificates(text: string): X509Certificate[] {
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) {
    const isKey = text.includes('PRIVATE KEY-----');
    const got = isKey ? 'a file with a private key' : `a file with ${lengthOf(text)}`;
    throw new FormError(`${got} and no certificate`, CERTIFICATES, 'export it as PEM');
  }
  return blocks.map((block, i) => {
    try {
      return new X509Certificate(block);
    } catch {
      const got = `a file whose certificate ${i + 1} of ${blocks.length} is damaged`;
      throw new FormError(got, CERTIFICATES, 'export it again');
    }
  });
}

/** @throws {FormError} for a text that is no unencrypted private key in PEM. It does not hold the key. */
export function parsePrivateKey(text: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    const isCertificate = text.includes('-----BEGIN CERTIFICATE-----');
    const got = isCertificate
      ? 'a file with a certificate'
      : `a file with ${lengthOf(text)}`;
    throw new FormError(`${got} and no private key`, PRIVATE_KEY, 'export it as PEM');
  }
  if (/ENCRYPTED/.test(text)) {
    const remedy = 'decrypt it: openssl pkey -in key.pem -out decrypted.pem';
    throw new FormError('an encrypted private key', PRIVATE_KEY, remedy);
  }
  try {
    return createPrivateKey(text);
  } catch {
    throw new FormError('a damaged private key', PRIVATE_KEY, 'export it again');
  }
}

/** @throws {FormError} for a private key of another certificate. */
export function assertPair(
  [certificate]: readonly X509Certificate[],
  key: KeyObject,
): void {
  if (certificate?.checkPrivateKey(key)) return;
  throw new FormError(
    'a private key of another certificate than KAFKA_TLS_CERT_FILE',
    'the private key of the first certificate in KAFKA_TLS_CERT_FILE',
    'set both files from the same issuance',
  );
}
