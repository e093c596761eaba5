import { readFile } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import { ConfigError, problemOf } from '../../config/problem.js';
import { readSettingFile } from '../../config/setting-file.js';

const INTERVAL_MS = 2000;

/**
 * The parsed content of a file, read again when it changes, so a rotation needs no restart.
 *
 * It compares the content every 2 s instead of watching the file, because Kubernetes replaces a
 * mounted secret by moving a symbolic link. While the file is unreadable or wrong the last valid
 * content stays in force, and each check logs the reason.
 */
export class WatchedFile<T> {
  private readonly logger = new Logger(WatchedFile.name);
  private text: string;
  private parsed: T;
  private readonly timer: NodeJS.Timeout;

  /**
   * @param variable the setting that names the file, for error messages.
   * @param parse throws for wrong content.
   * @throws {ConfigError} when the file cannot be read or parsed now.
   */
  constructor(
    variable: string,
    private readonly path: string,
    private readonly parse: (text: string) => T,
  ) {
    [this.text, this.parsed] = namingSetting(variable, () => {
      const text = readSettingFile(path);
      return [text, parse(text)];
    });
    this.timer = setInterval(() => void this.checkForChange(), INTERVAL_MS);
    this.timer.unref();
  }

  get value(): T {
    return this.parsed;
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async checkForChange(): Promise<void> {
    try {
      const text = await readFile(this.path, 'utf8');
      if (text === this.text) return;
      this.parsed = this.parse(text);
      this.text = text;
      this.logger.log({ message: 'file read again', path: this.path });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.logger.error({ message: 'file ignored', path: this.path, reason });
    }
  }
}

/** Runs `read`. @throws {ConfigError} with the named setting, for a `FormError` that it throws. */
export function namingSetting<T>(variable: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigError([problemOf(variable, error)]);
  }
}

/** An entry of a file with one entry a line, and the number of its line, from 1. */
export interface NumberedEntry {
  readonly entry: string;
  readonly line: number;
}

/** The entries of a file with one entry a line, without blank lines and `#` comments. */
export function entries(text: string): string[] {
  return numberedEntries(text).map(({ entry }) => entry);
}

/** The entries with their lines, for messages that must not contain the entry itself. */
export function numberedEntries(text: string): NumberedEntry[] {
  return text
    .split('\n')
    .map((line, i) => ({ entry: line.trim(), line: i + 1 }))
    .filter(({ entry }) => entry !== '' && !entry.startsWith('#'));
}
