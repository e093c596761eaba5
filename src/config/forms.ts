import { FormError } from './problem.js';
import { readSettingFile } from './setting-file.js';

/** The form of a variable's text. */
export interface Form<T> {
  /** The form in words, after "want". */
  readonly wants: string;
  /** @throws {FormError} for a text of another form. It does not hold the text, which may be a secret. */
  readonly read: (text: string) => T;
}

/** Reads a variable; undefined is an unset one. @throws {FormError} */
export type Reader<T> = (text: string | undefined) => T;

export function required<T>({ wants, read }: Form<T>, remedy: string): Reader<T> {
  return (text) => {
    if (text === undefined) throw new FormError('nothing', wants, remedy);
    return read(text);
  };
}

export function optional<T>(form: Form<T>): Reader<T | undefined> {
  const remedy = 'correct it, or unset it';
  return (text) => (text === undefined ? undefined : readOr(form, text, remedy));
}

/** @param preset value of an unset variable. */
export function withDefault<T>(form: Form<T>, preset: T): Reader<T> {
  const remedy = `correct it, or unset it for the default, ${String(preset)}`;
  return (text) => (text === undefined ? preset : readOr(form, text, remedy));
}

/** @param preset the remedy where the form names none. */
function readOr<T>({ read }: Form<T>, text: string, preset: string): T {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    const { got, wants, remedy = preset } = error;
    throw new FormError(got, wants, remedy);
  }
}

/** @param faultIn describes a text of another form; undefined for a good one. */
export function textForm(
  wants: string,
  faultIn: (text: string) => string | undefined,
): Form<string> {
  return {
    wants,
    read(text) {
      const fault = faultIn(text);
      if (fault !== undefined) throw new FormError(fault, wants);
      return text;
    },
  };
}

export const TEXT = textForm('text', () => undefined);

export function matching(pattern: RegExp, wants: string): Form<string> {
  return textForm(wants, (text) => (pattern.test(text) ? undefined : lengthOf(text)));
}

/** @param reason why these are the bounds. */
export function whole(min: number, max: number, reason = ''): Form<number> {
  const wants = `a whole number from ${min} to ${max}${reason && `, because ${reason}`}`;
  return {
    wants,
    read(text) {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
      if (value >= min && value <= max) return value;
      const isNumber = /^-?\d{1,12}(\.\d{1,6})?$/.test(text);
      throw new FormError(isNumber ? text : wordOrLength(text), wants);
    },
  };
}

export const PORT_NUMBER = whole(0, 65_535);

export function oneOf<W extends string>(...words: readonly W[]): Form<W> {
  const wants = words.length === 1 ? `${words[0]}` : `one of ${words.join(', ')}`;
  return {
    wants,
    read(text) {
      const found = words.find((word) => word === text);
      if (found !== undefined) return found;
      const meant = words.find((word) => word === text.toLowerCase());
      throw new FormError(
        wordOrLength(text),
        wants,
        meant && `write it as ${meant}, in lower case`,
      );
    },
  };
}

const TRUE_OR_FALSE = oneOf('true', 'false');

export const FLAG: Form<boolean> = {
  wants: TRUE_OR_FALSE.wants,
  read: (text) => TRUE_OR_FALSE.read(text) === 'true',
};

/** The path of a file with text. Other modules read the text. */
export const FILE: Form<string> = {
  wants: 'the path of a file',
  read(path) {
    readSettingFile(path);
    return path;
  },
};

/** A list with commas. White space around an entry does not count. */
export function commaList<T>(form: Form<T>): Form<T[]> {
  const wants = `${form.wants}, or several of them with commas`;
  return {
    wants,
    read(text) {
      const entries = text.split(',').map((entry) => entry.trim());
      return entries.map((entry, i) => {
        const where = entries.length === 1 ? '' : `entry ${i + 1} of ${entries.length}: `;
        return readEntry(form, entry, where, wants);
      });
    },
  };
}

function readEntry<T>(form: Form<T>, entry: string, where: string, wants: string): T {
  try {
    if (entry === '') throw new FormError('nothing', wants, 'remove the extra comma');
    return form.read(entry);
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    throw new FormError(`${where}${error.got}`, wants, error.remedy);
  }
}

/** Shows a plain word, which holds no secret, and describes another text. */
function wordOrLength(text: string): string {
  return /^[A-Za-z][A-Za-z-]{0,15}$/.test(text) ? text : lengthOf(text);
}

/** Describes a text by its length and by what often makes a text wrong. */
export function lengthOf(text: string): string {
  const { length } = text;
  const about = `${length} ${length === 1 ? 'character' : 'characters'}`;
  if (/^(["']).*\1$/s.test(text)) return `${about} with quotation marks around them`;
  if (/[\r\n]/.test(text.trim())) return `${about} on several lines`;
  if (text.trim() !== text) return `${about} with white space at an end`;
  return about;
}
