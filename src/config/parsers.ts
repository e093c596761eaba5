import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { EVENT_TYPES, GUIDE_ONLY } from '../events/subscribable-events.js';

/*
 * The forms that a variable's text can have. What is wrong is said without the text, which may be a secret.
 */

/** Each is one webhook of the project; all events when none are named. */
export function declared() {
  const webhook = z.strictObject({
    name: z.string().regex(/^[A-Za-z0-9 ._-]{1,64}$/, 'want 1-64 letters, digits, . _ -'),
    events: z
      .array(z.string())
      .min(1)
      .refine((events) => !GUIDE_ONLY.some((event) => events.includes(event)), {
        message: `Gemini takes no subscription to ${GUIDE_ONLY.join(' and ')}`,
      })
      .default([...EVENT_TYPES]),
    url: z.string().refine(isBaseUrl, 'want https://host/path').optional(),
  });
  return z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'want JSON: [{"name": "main"}]' });
        return z.NEVER;
      }
    })
    .pipe(z.array(webhook).min(1).refine(areApart, 'a name is there twice'));
}

function areApart(all: readonly { readonly name: string }[]): boolean {
  return new Set(all.map(({ name }) => name)).size === all.length;
}

export function port(preset: number) {
  return count(0, 65_535, preset);
}

export function count(min: number, max: number, preset: number) {
  return z
    .string()
    .regex(/^\d{1,9}$/, 'want a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max))
    .default(preset);
}

export function flag() {
  return z.enum(['true', 'false']).transform((value) => value === 'true');
}

export function file() {
  return z
    .string()
    .refine(isFile, { error: 'no such file', abort: true })
    .refine(hasText, 'is empty, or cannot be read');
}

export function hasText(path: string): boolean {
  try {
    return readFileSync(path, 'utf8').trim() !== '';
  } catch {
    return false;
  }
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

export function commaList<T extends z.ZodType<string, string>>(item: T) {
  return z
    .string()
    .transform((list) => list.split(',').map((entry) => entry.trim()))
    .pipe(z.array(item));
}

/**
 * What ioredis would do with another text is guesswork: it takes a password from a query, and shows
 * the whole of what it does not understand.
 */
export function isRedisUrl(text: string): boolean {
  const host = String.raw`(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])`;
  const login = '(?:[^/?#@\\s]*@)?';
  const one = `^rediss?://${login}${host}(?::\\d{1,5})?(?:/\\d{0,5})?$`;
  const hosts = `${host}:\\d{1,5}(?:,${host}:\\d{1,5})*`;
  const several = `^rediss?\\+(?:sentinel://${login}${hosts}(?:/[\\w.-]+(?:/\\d{1,5})?)?|cluster://${login}${hosts})/?$`;
  return new RegExp(one).test(text) || new RegExp(several).test(text);
}

export function isBaseUrl(text: string): boolean {
  if (!isSecureUrl(text)) return false;
  const { search, hash } = new URL(text);
  return search === '' && hash === '';
}

/** True for https, and for http on loopback; never with a user and password in it. */
export function isSecureUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  const isLoopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
  const isServed = protocol === 'https:' || (protocol === 'http:' && isLoopback);
  return isServed && username === '' && password === '';
}
