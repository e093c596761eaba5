import { lengthOf, textForm, type Form } from './forms.js';
import { FormError } from './problem.js';

export const BROKER = textForm('host:port, such as kafka-1:9092', (text) => {
  if (text.includes('://')) return 'a URL';
  const [, port] = /^[^:\s]+:(\d+)$/.exec(text) ?? [];
  if (port !== undefined) return portFault(port);
  return text.includes(':') ? lengthOf(text) : `${lengthOf(text)} without a port`;
});

function portFault(digits: string): string | undefined {
  const port = Number(digits);
  const isPort = digits.length <= 5 && port >= 1 && port <= 65_535;
  return isPort ? undefined : `port ${digits.slice(0, 12)}, which is not from 1 to 65535`;
}

export const HTTP_URL = textForm(
  'an absolute URL, https://host or http://host',
  (text) =>
    URL.canParse(text) && /^https?:\/\//i.test(text) ? undefined : urlFault(text),
);

const BASE_URL = textForm(
  'https://host[/path] (Gemini delivers only to https; http is for loopback)',
  (text) => (isBaseUrl(text) ? undefined : urlFault(text)),
);

/** Base of the URLs that Gemini is given. */
export const PUBLIC_BASE_URL: Form<string> = {
  wants: BASE_URL.wants,
  read(text) {
    if (!/\/webhooks\/gemini\/*$/.test(text)) return BASE_URL.read(text);
    const remedy = 'remove /webhooks/gemini from it: the bridge appends it';
    throw new FormError('a URL that ends in /webhooks/gemini', BASE_URL.wants, remedy);
  },
};

export const ISSUER_URL = textForm(
  'https://host[/path], as the tokens have it in iss (http is for loopback)',
  (text) => (isBaseUrl(text) ? undefined : urlFault(text)),
);

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

/** Describes a URL that is refused, without its host, user, password and query. */
function urlFault(text: string): string {
  const [, scheme] = /^([a-z][a-z0-9+.-]{0,15}):\/\//i.exec(text) ?? [];
  if (scheme === undefined || !URL.canParse(text)) {
    return `${lengthOf(text)} without https://`;
  }
  const { username, password, search, hash } = new URL(text);
  if (username !== '' || password !== '') return 'a URL with a user or a password';
  if (search !== '') return 'a URL with a query';
  if (hash !== '') return 'a URL with a fragment';
  return `a URL that begins with ${scheme}://`;
}

/**
 * A URL that ioredis and the bridge understand alike. ioredis takes a password from a query, and
 * its errors show a URL that it does not understand.
 */
export const REDIS_ADDRESS = textForm(
  'redis://[user:password@]host:6379[/db], redis+sentinel://host:26379,host:26379[/master] or redis+cluster://host:6379,host:6379, with rediss for TLS',
  redisFault,
);

const HOST = String.raw`(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])`;
const LOGIN = String.raw`(?:[^/?#@\s]*@)?`;
const HOSTS = String.raw`${HOST}:\d{1,5}(?:,${HOST}:\d{1,5})*`;
const REDIS_FORMS = [
  String.raw`^rediss?://${LOGIN}${HOST}(?::\d{1,5})?(?:/\d{0,5})?$`,
  String.raw`^rediss?\+sentinel://${LOGIN}${HOSTS}(?:/[\w.-]+(?:/\d{1,5})?)?/?$`,
  String.raw`^rediss?\+cluster://${LOGIN}${HOSTS}/?$`,
].map((form) => new RegExp(form));

function redisFault(text: string): string | undefined {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]{0,15}):\/\/(.*)$/i.exec(text) ?? [];
  if (scheme === undefined) return `${lengthOf(text)} without redis://`;
  if (!/^rediss?(\+(sentinel|cluster))?$/.test(scheme)) {
    return `a URL that begins with ${scheme}://`;
  }
  if (!REDIS_FORMS.some((form) => form.test(text))) {
    return `a URL that begins with ${scheme}:// and goes on in another form (in a password, / ? # and @ are %2F %3F %23 and %40)`;
  }
  const [hosts = ''] = rest.slice(rest.lastIndexOf('@') + 1).split('/');
  const ports = Array.from(hosts.matchAll(/:(\d{1,5})(?=,|$)/g), ([, port = '']) => port);
  return ports.map(portFault).find((fault) => fault !== undefined);
}
