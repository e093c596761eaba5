import net from 'node:net';
import tls from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const KEEP_ALIVE_DELAY_MS = 60_000;
/** A process that stood still for this long may have lost its claims meanwhile, in ms. */
const STALL_MS = 3000;
const CHECK_INTERVAL_MS = 500;

/**
 * Opens kafkajs's sockets and watches them.
 *
 * @param silenceMs longest wait for the first byte of a response, in ms.
 */
export function watchedSockets(silenceMs: number): ISocketFactory {
  return ({ host, port, ssl, onConnect }) => {
    // kafkajs passes undefined without TLS, although its types promise an object
    const socket = (ssl as tls.ConnectionOptions | undefined)
      ? tls.connect(
          { host, port, ...(net.isIP(host) ? {} : { servername: host }), ...ssl },
          onConnect,
        )
      : net.connect({ host, port }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    return watchSocket(socket, silenceMs);
  };
}

/**
 * Ends a socket in two cases:
 *
 * - The broker is silent for `silenceMs` after a write. A broker that hangs keeps its
 *   connections open, and kafkajs keeps asking it for metadata, so one hung broker delays the
 *   partitions of all. Once its socket is gone kafkajs asks another broker and follows the
 *   leadership when it moves. Every request is answered (acks are never 0), so silence is a
 *   fault.
 * - The process stood still: it was stopped, or its event loop was blocked. Its claims may have
 *   expired and another replica may have taken over, so nothing that was queued may be sent.
 *   The next connection asks the produce fence again.
 */
export function watchSocket<Socket extends net.Socket>(
  socket: Socket,
  silenceMs: number,
): Socket {
  let waitingSince = 0;
  let lastCheckAt = performance.now();
  const endAfterStall = (): boolean => {
    if (performance.now() - lastCheckAt < STALL_MS) return false;
    reset(socket, 'the process stood still');
    return true;
  };
  const write = socket.write.bind(socket);
  socket.write = ((...parameters: Parameters<typeof write>) => {
    if (endAfterStall()) return false;
    if (waitingSince === 0) waitingSince = performance.now();
    return write(...parameters);
  }) as typeof socket.write;
  socket.on('data', () => {
    waitingSince = 0;
  });
  const timer = setInterval(() => {
    if (endAfterStall()) return;
    lastCheckAt = performance.now();
    if (waitingSince === 0 || performance.now() - waitingSince < silenceMs) return;
    reset(socket, `no answer from the broker for ${silenceMs} ms`);
  }, CHECK_INTERVAL_MS);
  timer.unref();
  socket.once('close', () => clearInterval(timer));
  return socket;
}

/**
 * Ends the connection with a TCP reset, so that the kernel drops what it has not sent yet. After
 * a plain close it would still deliver it. Under TLS the reset has no effect, and it does.
 */
function reset(socket: net.Socket, reason: string): void {
  // `resetAndDestroy()` sets this flag too, but waits for pending writes
  Object.assign(socket, { resetAndClosing: true });
  socket.destroy(new Error(reason));
}
