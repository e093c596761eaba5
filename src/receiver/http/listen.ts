import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Config } from '../../config/config.js';
import { PublicListener } from './public-listener.js';
import type { TwoPortAdapter } from './two-port.adapter.js';

/** The ports that were asked for, or that the kernel gave. */
export interface Ports {
  readonly port: number;
  readonly internalPort: number;
}

/**
 * Initialises the application and opens both listeners. The application may not be ready yet.
 *
 * @param app made with a `TwoPortAdapter`.
 * @throws {Error} when a webhook route has no handler.
 */
export async function listen(app: INestApplication, { server }: Config): Promise<Ports> {
  await app.init();
  const { httpAdapter } = app.get<HttpAdapterHost<TwoPortAdapter>>(HttpAdapterHost);
  const { internalServer, publicServer } = httpAdapter;
  httpAdapter.assertReceiving();
  app.get(PublicListener).attach(httpAdapter);
  // Without a host Node.js listens on all addresses, and on those of IPv4 where there is no IPv6
  const host = server.host === undefined ? {} : { host: server.host };
  internalServer.listen({ port: server.internalPort, ...host });
  await once(internalServer, 'listening');
  await (server.host === undefined
    ? app.listen(server.port)
    : app.listen(server.port, server.host));
  return { port: portOf(publicServer), internalPort: portOf(internalServer) };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
