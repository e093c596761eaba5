import { EVENT_TYPES, GUIDE_ONLY } from '../events/subscribable-events.js';
import { isBaseUrl } from './addresses.js';
import { lengthOf, type Form } from './forms.js';
import { FormError } from './problem.js';

/** An entry of `WEBHOOKS`. */
export interface WebhookEntry {
  readonly name: string;
  readonly events: readonly string[];
  /** Undefined: the bridge's own address. */
  readonly url: string | undefined;
}

const MEMBERS = ['name', 'events', 'url'];
const WANTS = 'a JSON array of {"name", "events"?, "url"?}, such as [{"name": "main"}]';

/** The static webhooks that the bridge registers. */
export const WEBHOOK_LIST: Form<readonly WebhookEntry[]> = {
  wants: WANTS,
  read(text) {
    const entries = arrayIn(text).map(readEntry);
    const names = entries.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice === undefined) return entries;
    throw new FormError(`the name ${twice} twice`, 'a name of its own for each entry');
  },
};

function arrayIn(text: string): unknown[] {
  const json = jsonIn(text);
  if (json === undefined)
    throw new FormError(`${lengthOf(text)} that are no JSON`, WANTS);
  if (!Array.isArray(json)) throw new FormError('JSON that is no array', WANTS);
  if (json.length === 0) throw new FormError('an empty array', WANTS);
  return json;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function readEntry(entry: unknown, i: number): WebhookEntry {
  const where = `entry ${i + 1}`;
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw new FormError(`${where} that is no object`, WANTS);
  }
  if (Object.keys(entry).some((member) => !MEMBERS.includes(member))) {
    const wants = `no members but ${MEMBERS.join(', ')}`;
    throw new FormError(`${where} with another member`, wants);
  }
  const { name, events, url } = entry as Record<string, unknown>;
  if (typeof name !== 'string' || !/^[A-Za-z0-9 ._-]{1,64}$/.test(name)) {
    const wants = 'a name of 1 to 64 letters, digits, blanks, . _ or -';
    throw new FormError(`${where} with another name or none`, wants);
  }
  const called = `${where} (${name})`;
  return { name, events: readEvents(events, called), url: readUrl(url, called) };
}

function readEvents(events: unknown, where: string): readonly string[] {
  if (events === undefined) return EVENT_TYPES;
  const wants = `events of ${EVENT_TYPES.join(', ')}`;
  if (!Array.isArray(events) || events.length === 0) {
    throw new FormError(`${where} with events that are no list of names`, wants);
  }
  const wrong = events.find((event) => !isSubscribable(event)) as unknown;
  if (wrong === undefined) return events as string[];
  const isShown = typeof wrong === 'string' && /^[a-z_.-]{1,40}$/.test(wrong);
  const got = `${where} with ${isShown ? `the event ${wrong}` : 'an event'} that the Gemini API does not have`;
  const remedy = GUIDE_ONLY.includes(wrong as never)
    ? "leave it out: Gemini's guide names it, and its API refuses it"
    : 'correct the event, or leave "events" out for all of them';
  throw new FormError(got, wants, remedy);
}

function isSubscribable(event: unknown): boolean {
  return (EVENT_TYPES as readonly unknown[]).includes(event);
}

function readUrl(url: unknown, where: string): string | undefined {
  if (url === undefined || (typeof url === 'string' && isBaseUrl(url))) return url;
  const wants = 'a url like https://host/path, without user, query and fragment';
  throw new FormError(`${where} with another url`, wants);
}
