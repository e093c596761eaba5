import { rmSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ConfigError, FormError } from '../../../../src/config/problem.js';
import {
  entries,
  namingSetting,
  numberedEntries,
  WatchedFile,
} from '../../../../src/infrastructure/files/watched-file.js';
import { FAKED_CLOCK } from '../../../support/clock.js';
import { temporaryFile, type TemporaryFile } from '../../../support/temporary-file.js';

const INTERVAL_MS = 2000;

let file: TemporaryFile;
let watched: WatchedFile<string>;
let logged: { level: string; message: unknown }[];

/** Accepts capitals only. */
function parse(text: string): string {
  if (!/^[A-Z]+$/.test(text))
    throw new FormError('small letters', 'capitals', 'write capitals');
  return text;
}

beforeEach(() => {
  jest.useFakeTimers(FAKED_CLOCK);
  logged = [];
  const log = (level: string) => (message: unknown) =>
    void logged.push({ level, message });
  const logger = { log: log('log'), warn: log('warn'), error: log('error') };
  Logger.overrideLogger(logger);
  file = temporaryFile('FIRST');
  watched = new WatchedFile('SECRETS_FILE', file.path, parse);
});

afterEach(() => {
  watched.close();
  file[Symbol.dispose]();
  jest.useRealTimers();
});

/** Lets one interval pass. @returns the line that the check logs. */
async function nextCheck(): Promise<unknown> {
  const before = logged.length;
  jest.advanceTimersByTime(INTERVAL_MS);
  while (logged.length === before) await new Promise(setImmediate);
  return logged.at(-1);
}

const start = (path: string) => () => new WatchedFile('SECRETS_FILE', path, parse);

describe('WatchedFile', () => {
  it('has the content of the file from the start', () => {
    expect(watched.value).toBe('FIRST');
  });

  it('reads a changed file again', async () => {
    file.write('SECOND');
    expect(await nextCheck()).toMatchObject({ level: 'log' });
    expect(watched.value).toBe('SECOND');
  });

  it('keeps the old value while the file is wrong, and logs it at each check', async () => {
    file.write('oops, a-secret');
    for (let i = 0; i < 2; i++) {
      expect(await nextCheck()).toEqual({
        level: 'error',
        message: {
          message: 'file ignored',
          path: file.path,
          reason: 'got small letters; want capitals. Remedy: write capitals',
        },
      });
      expect(watched.value).toBe('FIRST');
    }
    file.write('SECOND');
    await nextCheck();
    expect(watched.value).toBe('SECOND');
  });

  it('keeps the old value while the file is missing', async () => {
    rmSync(file.path);
    expect(await nextCheck()).toMatchObject({ level: 'error' });
    expect(watched.value).toBe('FIRST');
    file.write('SECOND');
    await nextCheck();
    expect(watched.value).toBe('SECOND');
  });

  it('does not check any more once it is closed', async () => {
    watched.close();
    file.write('SECOND');
    jest.advanceTimersByTime(INTERVAL_MS * 10);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    expect(watched.value).toBe('FIRST');
    expect(logged).toEqual([]);
  });

  it('throws at the start when the file is wrong or missing', () => {
    file.write('oops, a-secret');
    expect(start(file.path)).toThrow(ConfigError);
    expect(start(file.path)).toThrow(
      'SECRETS_FILE: got small letters; want capitals. Remedy: write capitals',
    );
    const missing = `${file.path}-not-there`;
    expect(start(missing)).toThrow(`SECRETS_FILE: got ${missing}, which does not exist`);
  });
});

const bad = () =>
  namingSetting('NAME', () => {
    throw new FormError('bad', 'good', 'change it');
  });

describe('namingSetting', () => {
  it('names the setting in the error', () => {
    expect(namingSetting('NAME', () => 7)).toBe(7);
    expect(bad).toThrow(ConfigError);
    expect(bad).toThrow('NAME: got bad; want good. Remedy: change it');
  });
});

describe('entries', () => {
  it('returns the lines that are neither blank nor comments', () => {
    expect(entries('# one\r\n a \r\n\n\tb#\n#c')).toEqual(['a', 'b#']);
    expect(entries('')).toEqual([]);
  });

  it('are returned with their line numbers by numberedEntries', () => {
    expect(numberedEntries('# one\r\n a \r\n\n\tb#\n#c')).toEqual([
      { entry: 'a', line: 2 },
      { entry: 'b#', line: 4 },
    ]);
  });
});
