import { randomUUID } from 'node:crypto';
import type { RedisAccess } from '../../config/config.js';
import type { Problem } from '../../config/problem.js';
import {
  redisClient,
  type RedisClient,
} from '../../infrastructure/redis/redis-client.js';
import { ConnectionError, type ConnectionCheck } from './connection-check.js';
import {
  codeOf,
  isUnknownAuthority,
  isWithoutTls,
  networkFault,
} from './network-fault.js';

/** How long a key of the check exists, in ms. */
const KEY_MS = 1000;
const CONNECT_MS = 5000;
/** After the first failure ioredis tries again: a server that is starting has this long, in ms. */
const GRACE_MS = 1000;

/** Checks that Redis answers and lets the bridge write its keys. */
export function redisConnection(access: RedisAccess): ConnectionCheck {
  const address = access.url.replace(/^.*(?:@|:\/\/)/, '').replace(/\/.*$/, '');
  return {
    target: 'Redis',
    address,
    setting: 'REDIS_URL',
    run: (signal) => ask(access, address, signal),
  };
}

async function ask(
  access: RedisAccess,
  address: string,
  signal: AbortSignal,
): Promise<string> {
  const client = redisClient(access);
  signal.addEventListener('abort', () => client.disconnect());
  try {
    await connected(client);
    const prefix = access.keyPrefix ?? 'gemini-bridge';
    await client.set(`{${prefix}}:check:${randomUUID()}`, '', 'PX', KEY_MS);
    return `keys of ${prefix} can be written`;
  } catch (error) {
    throw new ConnectionError(redisProblem(error as Error, access, address));
  } finally {
    client.disconnect();
  }
}

/** @throws the last error before the time is over: ioredis itself goes on trying. */
async function connected(client: RedisClient): Promise<void> {
  let last: Error = Object.assign(new Error('no answer'), { name: 'TimeoutError' });
  const timers: NodeJS.Timeout[] = [];
  const ready = new Promise((resolve) => client.once('ready', resolve));
  const late = new Promise<never>((_, reject) => {
    const rejectIn = (ms: number) => timers.push(setTimeout(() => reject(last), ms));
    const failed = (error: Error) => {
      if (/Stream isn't writeable/.test(error.message)) return; // its cause comes as well
      last = error;
      if (timers.length === 1) rejectIn(GRACE_MS);
    };
    client.on('error', failed).on('node error', failed);
    rejectIn(CONNECT_MS);
  });
  try {
    await Promise.race([ready, late]);
  } finally {
    timers.forEach(clearTimeout);
  }
}

/** The first word of an error that Redis itself answers, such as NOAUTH. */
function replyIn({ message }: Error): string {
  return /^[A-Z]{4,}(?= )/.exec(message)?.[0] ?? '';
}

function redisProblem(error: Error, access: RedisAccess, address: string): Problem {
  return (
    replyProblem(replyIn(error), access) ??
    tlsProblem(error, access, address) ?? {
      setting: 'REDIS_URL',
      got: `${address}, ${faultOf(error)}`,
      wants: 'a Redis that the bridge can reach',
      remedy: 'check the address and what lies between (firewall, NetworkPolicy)',
    }
  );
}

function faultOf(error: Error): string {
  const reply = replyIn(error);
  if (reply !== '') return `which answers ${reply}`;
  // ioredis reports of sentinels and clusters only that a connection is closed.
  const isKnown = codeOf(error) !== undefined || error.name === 'TimeoutError';
  return isKnown ? networkFault(error) : 'to which no connection can be made';
}

function replyProblem(reply: string, { password }: RedisAccess): Problem | undefined {
  const setting = password === undefined ? 'REDIS_URL' : 'REDIS_PASSWORD_FILE';
  const remedy =
    'correct the user in REDIS_URL, and the password there or in REDIS_PASSWORD_FILE';
  switch (reply) {
    case 'NOAUTH':
      return { setting, got: 'no password', wants: 'the password of Redis', remedy };
    case 'WRONGPASS':
      return {
        setting,
        got: 'a user or a password that Redis refuses',
        wants: 'a user of Redis and its password',
        remedy,
      };
    case 'NOPERM':
      return {
        setting: 'REDIS_URL',
        got: 'a user that may not write the keys of the bridge',
        wants: 'a user with the rights of docs/how-to/use-redis.md',
        remedy: 'grant them with ACL SETUSER, for the prefix of REDIS_KEY_PREFIX',
      };
    case 'READONLY':
      return {
        setting: 'REDIS_URL',
        got: 'a replica, which accepts no writes',
        wants: 'the primary',
        remedy: 'name the primary, or use redis+sentinel://',
      };
    default:
      return undefined;
  }
}

function tlsProblem(
  error: unknown,
  { url, ca }: RedisAccess,
  address: string,
): Problem | undefined {
  if (isUnknownAuthority(error)) {
    return {
      setting: 'REDIS_TLS_CA_FILE',
      got:
        ca === undefined
          ? 'nothing'
          : `a CA that has not signed the certificate of ${address}`,
      wants: `the CA that has signed the certificate of ${address}`,
      remedy: 'set REDIS_TLS_CA_FILE to a file with that CA',
    };
  }
  const isSilent = url.startsWith('rediss') && codeOf(error) === 'ETIMEDOUT';
  if (!isSilent && !isWithoutTls(error)) return undefined;
  return {
    setting: 'REDIS_URL',
    got: `rediss:// for ${address}, which does not answer a TLS handshake`,
    wants: 'a port with TLS, or redis://',
    remedy: 'check the address, name the TLS port, or write redis:// for rediss://',
  };
}
