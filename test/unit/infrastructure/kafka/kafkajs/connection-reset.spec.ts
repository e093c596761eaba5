import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { installConnectionReset } from '../../../../../src/infrastructure/kafka/kafkajs/connection-reset.js';

installConnectionReset();

let sockets: Socket[];
let server: ReturnType<typeof createServer>;

beforeEach(async () => {
  sockets = [];
  server = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

it('drops a half-received response when the connection breaks and is made again', async () => {
  const require = createRequire(import.meta.url);
  const Connection = require('kafkajs/src/network/connection');
  const socketFactory = require('kafkajs/src/network/socketFactory')();
  const logger = require('kafkajs/src/loggers').createLogger({
    level: kafkajs.logLevel.NOTHING,
    logCreator: () => () => undefined,
  });
  const { port } = server.address() as AddressInfo;
  const connection = new Connection({
    host: '127.0.0.1',
    port,
    logger,
    socketFactory,
    connectionTimeout: 5000,
  });
  await connection.connect();
  while (sockets.length === 0) await new Promise(setImmediate);
  sockets[0]?.write(Buffer.from([0, 0, 0, 100, 0, 0])); // the first 6 of 104 bytes
  while (connection.bytesBuffered === 0) await new Promise(setImmediate);
  sockets[0]?.resetAndDestroy();
  while (connection.isConnected()) await new Promise(setImmediate);

  await connection.connect();
  expect([connection.chunks, connection.bytesBuffered, connection.bytesNeeded]).toEqual([
    [],
    0,
    4,
  ]);
  await connection.disconnect();
});
