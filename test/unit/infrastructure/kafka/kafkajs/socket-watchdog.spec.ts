import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { watchSocket } from '../../../../../src/infrastructure/kafka/kafkajs/socket-watchdog.js';
import { FAKED_CLOCK } from '../../../../support/clock.js';

const SILENCE_MS = 4000;
const CHECK_INTERVAL_MS = 500;
const STALL_MS = 3000;

/** The stream part of a socket. Keeps what is written. */
class FakeSocket extends Duplex {
  readonly written: string[] = [];
  failure: Error | undefined;

  constructor() {
    super();
    this.on('error', (error) => (this.failure = error));
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(String(chunk));
    done();
  }
}

let socket: FakeSocket;
let nowMs: number;

beforeEach(() => {
  jest.useFakeTimers(FAKED_CLOCK);
  nowMs = 1000;
  jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
  socket = watchSocket(new FakeSocket() as FakeSocket & Socket, SILENCE_MS);
});

afterEach(() => {
  socket.destroy();
  jest.restoreAllMocks();
  jest.useRealTimers();
});

/** Time passes and timers fire. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += CHECK_INTERVAL_MS) {
    nowMs += CHECK_INTERVAL_MS;
    jest.advanceTimersByTime(CHECK_INTERVAL_MS);
    await new Promise(setImmediate);
  }
}

describe('a watched socket', () => {
  it('ends when the broker is silent for too long after a write', async () => {
    socket.write('request');
    await pass(SILENCE_MS - CHECK_INTERVAL_MS);
    expect(socket.destroyed).toBe(false);
    await pass(CHECK_INTERVAL_MS);
    expect(socket.failure?.message).toBe('no answer from the broker for 4000 ms');
  });

  it('stays while the broker answers in time, and while nothing is asked', async () => {
    for (let i = 0; i < 3; i++) {
      socket.write('request');
      await pass(SILENCE_MS - CHECK_INTERVAL_MS);
      socket.push('response');
      await pass(CHECK_INTERVAL_MS);
    }
    await pass(SILENCE_MS * 3);
    expect(socket.destroyed).toBe(false);
    expect(socket.written).toEqual(['request', 'request', 'request']);
  });

  it('counts the silence from the first unanswered write', async () => {
    socket.write('first');
    await pass(SILENCE_MS - CHECK_INTERVAL_MS);
    socket.write('second');
    await pass(CHECK_INTERVAL_MS);
    expect(socket.destroyed).toBe(true);
  });

  it('sends nothing after the process stood still', async () => {
    nowMs += STALL_MS;
    expect(socket.write('request')).toBe(false);
    await new Promise(setImmediate);
    expect(socket.failure?.message).toBe('the process stood still');
    expect(socket.written).toEqual([]);
  });

  it('ends at the first check after the process stood still', async () => {
    nowMs += STALL_MS;
    await pass(CHECK_INTERVAL_MS);
    expect(socket.failure?.message).toBe('the process stood still');
  });
});
