import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Anybody who can submit a job chooses where the emulator posts to: by default that is this machine only. */
export class NotLoopbackError extends Error {
  override readonly name = 'NotLoopbackError';

  constructor(host: string) {
    super(`not a loopback address: ${host}`);
  }
}

/** For literal addresses, which never reach the lookup. */
export function refuseRemoteAddress(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isLoopback(host)) throw new NotLoopbackError(host);
}

/** Checks the very addresses that are connected to, so that a name cannot change its mind in between. */
export const loopbackLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, options, (error, address, family) => {
    const found = Array.isArray(address)
      ? address.map((each) => each.address)
      : [address];
    const refused =
      error ?? (found.every(isLoopback) ? null : new NotLoopbackError(hostname));
    callback(refused, refused ? '' : address, family);
  });
};

function isLoopback(address: string): boolean {
  return loopback.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
