import net from 'node:net';
import tls from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const KEEP_ALIVE_DELAY_MS = 60_000;
/** A process that stood still for this long may have lost its claims meanwhile, in ms. */
const STALL_MS = 3000;
const TICK_MS = 500;

/**
 * Opens kafkajs's sockets, and ends one that was written to and has been silent since, or
 * that is there after the process stood still.
 *
 * A broker that hangs keeps its connections open, and kafkajs would go on asking it for
 * metadata, so that one hung broker delays the partitions of all. Once its socket is gone
 * kafkajs asks another, and follows the leadership when it moves. Every request that we
 * send is answered (acks are never 0), so silence is a fault.
 *
 * A process that was stopped, or whose event loop was blocked, must not write what it was
 * about to: another replica may have taken over. Whoever sends looks at its claims again.
 *
 * @param silenceMs longest wait for the first byte of an answer.
 */
export function watchedSockets(silenceMs: number): ISocketFactory {
  return ({ host, port, ssl, onConnect }) => {
    // kafkajs hands over `ssl` also where there is none, whatever its types say
    const socket = (ssl as tls.ConnectionOptions | undefined)
      ? tls.connect(
          { host, port, ...(net.isIP(host) ? {} : { servername: host }), ...ssl },
          onConnect,
        )
      : net.connect({ host, port }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    return watch(socket, silenceMs);
  };
}

function watch(socket: net.Socket, silenceMs: number): net.Socket {
  let waitingSince = 0;
  let aliveAt = performance.now();
  const standsStill = (): boolean => {
    if (performance.now() - aliveAt < STALL_MS) return false;
    reset(socket, 'the process stood still');
    return true;
  };
  const write = socket.write.bind(socket);
  socket.write = ((...parameters: Parameters<typeof write>) => {
    if (standsStill()) return false;
    if (waitingSince === 0) waitingSince = performance.now();
    return write(...parameters);
  }) as typeof socket.write;
  socket.on('data', () => {
    waitingSince = 0;
  });
  const timer = setInterval(() => {
    if (standsStill()) return;
    aliveAt = performance.now();
    if (waitingSince === 0 || performance.now() - waitingSince < silenceMs) return;
    reset(socket, `no answer from the broker for ${silenceMs} ms`);
  }, TICK_MS);
  timer.unref();
  socket.once('close', () => clearInterval(timer));
  return socket;
}

/**
 * Ends the connection with a reset: the kernel drops what it has not got rid of, and would
 * otherwise go on delivering it. (Of a socket under TLS it does go on.)
 */
function reset(socket: net.Socket, reason: string): void {
  Object.assign(socket, { resetAndClosing: true }); // what `resetAndDestroy` sets, which waits for the writes
  socket.destroy(new Error(reason));
}
