import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import type { Config } from '../../config/config.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import type { TwoPortAdapter } from './two-port.adapter.js';

/** The ports that the kernel gave, or that were asked for. */
export interface Ports {
  readonly port: number;
  readonly internalPort: number;
}

/**
 * Initialises the application and opens both listeners. The application may not be ready yet.
 *
 * @throws {Error} when a webhook route has no handler.
 */
export async function listen(app: INestApplication, { server }: Config): Promise<Ports> {
  const host = server.host === undefined ? {} : { host: server.host };
  const adapter = app.getHttpAdapter() as unknown as TwoPortAdapter;
  const metrics = app.get(Metrics);
  adapter.onRefusal = (reason) => metrics.refusals.inc({ reason });
  adapter.onAnswer = (outcome, tookMs) =>
    metrics.answerSeconds.observe({ outcome }, tookMs / 1000);
  metrics.observe(
    'held_body_bytes',
    'Bodies of deliveries that are being read or worked on',
    () => adapter.heldBytes,
  );
  await app.init();
  adapter.assertReceiving();
  // Without a host Node.js listens on all addresses, and on those of IPv4 where there is no IPv6
  adapter.internalServer.listen({ port: server.internalPort, ...host });
  await once(adapter.internalServer, 'listening');
  await (server.host === undefined
    ? app.listen(server.port)
    : app.listen(server.port, server.host));
  return {
    port: portOf(app.getHttpServer() as Server),
    internalPort: portOf(adapter.internalServer),
  };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
