/** A failed connection as Node.js, undici, kafkajs and ioredis report it. */
interface Failure {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly cause?: unknown;
  /** One for each address of a host name. */
  readonly errors?: readonly unknown[];
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'where nothing listens',
  ENOTFOUND: 'whose host name is unknown',
  EAI_AGAIN: 'whose host name cannot be resolved now',
  ETIMEDOUT: 'which does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'which does not answer',
  EHOSTUNREACH: 'to which there is no route',
  ENETUNREACH: 'to which there is no route',
  ECONNRESET: 'which closes the connection',
  EPIPE: 'which closes the connection',
  UND_ERR_SOCKET: 'which closes the connection',
  CERT_HAS_EXPIRED: 'whose certificate has expired',
  CERT_NOT_YET_VALID: 'whose certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'whose certificate is that of another host name',
};

const UNKNOWN_AUTHORITY = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);

/** The code of the first cause that has one. */
export function codeOf(error: unknown): string | undefined {
  const { code, cause, errors } = (error ?? {}) as Failure;
  if (typeof code === 'string') return code;
  const inner = cause ?? errors?.[0];
  return inner === undefined ? undefined : codeOf(inner);
}

/** True where no CA that the client trusts has signed the server's certificate. */
export function isUnknownAuthority(error: unknown): boolean {
  return UNKNOWN_AUTHORITY.has(codeOf(error) ?? '');
}

/** True where a server does not answer a TLS handshake with one. */
export function isWithoutTls(error: unknown): boolean {
  const { message = '', cause } = (error ?? {}) as Failure;
  if (/before secure TLS connection/.test(message)) return true;
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/.test(codeOf(error) ?? ''))
    return true;
  return cause !== undefined && isWithoutTls(cause);
}

/** Describes a failure, to follow an address: `where nothing listens (ECONNREFUSED)`. */
export function networkFault(error: unknown): string {
  const code = codeOf(error);
  const { name } = (error ?? {}) as Failure;
  if (isWithoutTls(error)) return 'which does not use TLS there';
  if (name === 'TimeoutError' || name === 'AbortError') return 'which does not answer';
  if (code === undefined) return 'which fails without a reason';
  const words = isUnknownAuthority(error)
    ? 'whose certificate is signed by an unknown authority'
    : (WORDS[code] ?? 'which fails');
  return `${words} (${code})`;
}
