import { connect } from 'node:net';

const TIMEOUT_MS = 1_000;

/** The process id of the Redis that answers on that port of 127.0.0.1, or undefined. */
export function askProcessId(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', timeout: TIMEOUT_MS });
    const settle = () => {
      socket.destroy();
      const id = /process_id:(\d+)\r\n/.exec(answer)?.[1];
      resolve(id === undefined ? undefined : Number(id));
    };
    socket.on('connect', () => socket.write('INFO server\r\n'));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (/process_id:\d+\r\n/.test(answer)) settle();
    });
    for (const end of ['error', 'timeout', 'close']) socket.on(end, settle);
  });
}
