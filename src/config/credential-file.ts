import { Logger } from '@nestjs/common';
import { readSettingFile } from './setting-file.js';

/**
 * A credential in a file that another process may replace at any time. Each use reads the file, so
 * that a new connection has the new credential. A file that has become unreadable or unusable
 * changes nothing.
 *
 * It reads at each use, not every two seconds as `WatchedFile` does: a connection that fails
 * because of an old password is made again at once.
 */
export class CredentialFile {
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

/**
 * @returns the given text, or that of the file, read at each use; undefined without either.
 * @throws {FormError} for a file that cannot be read now.
 */
export function credential(
  text: string | undefined,
  path: string | undefined,
  isUsable?: (text: string) => boolean,
): { readonly value: string } | undefined {
  if (text !== undefined) return { value: text };
  return path === undefined ? undefined : new CredentialFile(path, isUsable);
}

export function isApiKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}
