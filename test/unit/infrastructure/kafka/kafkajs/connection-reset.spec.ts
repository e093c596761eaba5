import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { installConnectionReset } from '../../../../../src/infrastructure/kafka/kafkajs/connection-reset.js';

installConnectionReset();

/** The parts of kafkajs's `Connection` that the test uses. */
interface Connection {
  readonly chunks: Buffer[];
  readonly bytesBuffered: number;
  readonly bytesNeeded: number;
  connect(): Promise<boolean>;
  disconnect(): Promise<boolean>;
  isConnected(): boolean;
}

/** The stream part of a socket that is connected at once. */
class FakeSocket extends Duplex {
  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done();
  }

  setTimeout(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

it('drops a half-received response when the connection breaks and is made again', async () => {
  const sockets: FakeSocket[] = [];
  const connection = connectionOver(() => {
    const socket = new FakeSocket();
    sockets.push(socket);
    return socket as unknown as Socket;
  });
  await connection.connect();
  sockets[0]?.push(Buffer.from([0, 0, 0, 100, 0, 0])); // the first 6 of 104 bytes
  while (connection.bytesBuffered === 0) await new Promise(setImmediate);
  sockets[0]?.destroy(new Error('reset by the peer'));
  while (connection.isConnected()) await new Promise(setImmediate);

  await connection.connect();
  expect(sockets).toHaveLength(2);
  const { chunks, bytesBuffered, bytesNeeded } = connection;
  expect([chunks, bytesBuffered, bytesNeeded]).toEqual([[], 0, 4]);
  await connection.disconnect();
});

function connectionOver(open: () => Socket): Connection {
  const require = createRequire(import.meta.url);
  const ConnectionClass = require('kafkajs/src/network/connection');
  const logger = require('kafkajs/src/loggers').createLogger({
    level: kafkajs.logLevel.NOTHING,
    logCreator: () => () => undefined,
  });
  return new ConnectionClass({
    host: 'broker',
    port: 9092,
    logger,
    connectionTimeout: 5000,
    socketFactory: ({ onConnect }: { onConnect: () => void }) => {
      setImmediate(onConnect);
      return open();
    },
  });
}
