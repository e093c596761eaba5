import { readFileSync, statSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import { hasText, isFile } from './parsers.js';

/** A chain of certificates has some thousands. */
const MAX_BYTES = 1024 * 1024;

/**
 * A credential in a file that something else may replace at any time: whoever connects next uses
 * what stands there then. A file that has become unreadable or unusable changes nothing.
 *
 * Read at each use and not every two seconds as a `WatchedFile`: it is used when a connection is
 * made, and a connection that fails for an old password is made again at once.
 */
export class CredentialFile {
  private readonly logger = new Logger(CredentialFile.name);
  private last: string;
  private wasIgnored = false;

  /**
   * @param isUsable of the trimmed text.
   * @throws when it cannot be read now. Whether it is usable then is for the caller to say.
   */
  constructor(
    private readonly path: string,
    private readonly isUsable: (text: string) => boolean = (text) => text !== '',
  ) {
    this.last = this.read();
  }

  get value(): string {
    try {
      const text = this.read();
      if (!this.isUsable(text)) throw new Error('it has no usable text');
      this.last = text;
      this.wasIgnored = false;
    } catch (error) {
      this.ignore(error);
    }
    return this.last;
  }

  private read(): string {
    const found = statSync(this.path);
    if (!found.isFile() || found.size > MAX_BYTES) throw new Error('it is no small file');
    return readFileSync(this.path, 'utf8').trim();
  }

  private ignore(error: unknown): void {
    if (this.wasIgnored) return;
    this.wasIgnored = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.logger.error({ message: 'file ignored', path: this.path, reason });
  }
}

/** The given text, or what the file says; undefined without either, or without a file that can be used. */
export function credential(
  text: string | undefined,
  path: string | undefined,
  isUsable?: (text: string) => boolean,
): { readonly value: string } | undefined {
  if (text !== undefined) return { value: text };
  return path !== undefined && isFile(path) && hasText(path)
    ? new CredentialFile(path, isUsable)
    : undefined;
}

export function isApiKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}
