import { createServer } from 'node:net';

/** Below what Linux (32768) and macOS (49152) give to outgoing connections, so a port stays free while its server restarts. */
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_000;
const ATTEMPTS = 200;

/**
 * Chooses ports of 127.0.0.1 that are free at this moment. Another program may bind one before the caller does; the
 * caller then tries again with others.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let attempt = 0; attempt < ATTEMPTS && found.size < count; attempt++) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT));
    if (!found.has(port) && (await canBind(port))) found.add(port);
  }
  if (found.size < count) {
    throw new Error(
      `found no ${count} free ports between ${LOWEST_PORT} and ${HIGHEST_PORT}`,
    );
  }
  return [...found];
}

export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

/** True if a server could listen on that port of 127.0.0.1 at this moment. */
export function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });
}
