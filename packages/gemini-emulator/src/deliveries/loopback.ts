import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** A delivery to another machine is refused: any caller that submits a job chooses where the emulator posts to. */
export class NotLoopbackError extends Error {
  override readonly name = 'NotLoopbackError';

  constructor(host: string) {
    super(`${host} is not a loopback address: set allowRemote to deliver to it`);
  }
}

/** Refuses a URL with a remote IP address, which never reaches the lookup. @throws {NotLoopbackError} */
export function refuseRemoteAddress(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isLoopback(host)) throw new NotLoopbackError(host);
}

/** Resolves a name and refuses remote addresses. The connection uses the checked addresses, so DNS cannot change them in between. */
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
