import { createServer } from 'node:net';
import { freePorts } from '../process/free-ports.js';

/** The wanted port of 127.0.0.1, or a free one when it is taken or 0. */
export async function portNear(wanted: number): Promise<number> {
  if (wanted > 0 && (await canBind(wanted))) return wanted;
  const [free = 0] = await freePorts(1);
  return free;
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });
}
