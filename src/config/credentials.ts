import { Logger } from '@nestjs/common';
import type {
  GeminiConfig,
  RedisAccess,
  SaslCredentials,
  TlsCredentials,
} from './config.js';
import type { Environment } from './environment.js';
import { readSettingFile } from './setting-file.js';

/*
 * The members of the configuration that hold credentials are getters. Each new connection reads
 * them, so it has what their files say then.
 */

/** Undefined without a mechanism: no SASL. @throws {FormError} for a file that cannot be read. */
export function saslCredentials(env: Environment): SaslCredentials | undefined {
  if (env.KAFKA_SASL_MECHANISM === undefined) return undefined;
  const password = credential(env.KAFKA_SASL_PASSWORD, env.KAFKA_SASL_PASSWORD_FILE);
  const token = credential(undefined, env.KAFKA_SASL_TOKEN_FILE);
  return {
    mechanism: env.KAFKA_SASL_MECHANISM,
    username: env.KAFKA_SASL_USERNAME ?? '',
    get password() {
      return password?.value ?? '';
    },
    get token() {
      return token?.value ?? '';
    },
  };
}

/** Undefined: no TLS. A CA or a client certificate switches it on, too. @throws {FormError} */
export function tlsCredentials(env: Environment): TlsCredentials | undefined {
  const ca = credential(undefined, env.KAFKA_TLS_CA_FILE);
  const cert = credential(undefined, env.KAFKA_TLS_CERT_FILE);
  const key = credential(undefined, env.KAFKA_TLS_KEY_FILE);
  if (!(env.KAFKA_TLS ?? Boolean(ca ?? cert))) return undefined;
  return {
    get ca() {
      return ca?.value;
    },
    get cert() {
      return cert?.value;
    },
    get key() {
      return key?.value;
    },
  };
}

/** Undefined without `REDIS_URL`. @throws {FormError} */
export function redisAccess(env: Environment): RedisAccess | undefined {
  if (env.REDIS_URL === undefined) return undefined;
  const password = credential(undefined, env.REDIS_PASSWORD_FILE);
  const ca = credential(undefined, env.REDIS_TLS_CA_FILE);
  return {
    url: env.REDIS_URL,
    keyPrefix: env.REDIS_KEY_PREFIX,
    get password() {
      return password?.value;
    },
    get ca() {
      return ca?.value;
    },
  };
}

/** @throws {FormError} */
export function geminiAccess(env: Environment): GeminiConfig {
  const key = credential(env.GEMINI_API_KEY, env.GEMINI_API_KEY_FILE, isApiKey);
  return {
    url: env.GEMINI_URL.replace(/\/+$/, ''),
    get apiKey() {
      return key?.value;
    },
  };
}

export function isApiKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/** The given text, or that of the file, read at each use; undefined without either. */
function credential(
  text: string | undefined,
  path: string | undefined,
  isUsable?: (text: string) => boolean,
): { readonly value: string } | undefined {
  if (text !== undefined) return { value: text };
  return path === undefined ? undefined : new CredentialFile(path, isUsable);
}

/**
 * A credential in a file that another process may replace at any time. Each use reads the file, so
 * that a new connection has the new credential. A file that has become unreadable or unusable
 * changes nothing.
 *
 * It reads at each use, not every two seconds as `WatchedFile` does: a connection that fails
 * because of an old password is made again at once.
 */
class CredentialFile {
  private readonly logger = new Logger(CredentialFile.name);
  private last: string;
  private wasIgnored = false;

  /**
   * @param isUsable says it of the trimmed text.
   * @throws {FormError} when the file cannot be read now. The caller checks whether it is usable.
   */
  constructor(
    private readonly path: string,
    private readonly isUsable: (text: string) => boolean = () => true,
  ) {
    this.last = this.read();
  }

  get value(): string {
    try {
      const text = this.read();
      if (!this.isUsable(text)) throw new Error('its text has another form');
      this.last = text;
      this.wasIgnored = false;
    } catch (error) {
      this.ignore(error);
    }
    return this.last;
  }

  private read(): string {
    return readSettingFile(this.path).trim();
  }

  private ignore(error: unknown): void {
    if (this.wasIgnored) return;
    this.wasIgnored = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.logger.error({ message: 'file ignored', path: this.path, reason });
  }
}
