import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { HeldBodies } from '../../../../src/receiver/http/admission.js';
import {
  BodyReader,
  MAX_BODY_BYTES,
  MAX_PIECES,
} from '../../../../src/receiver/http/body-reader.js';
import { FAKED_CLOCK } from '../../../support/clock.js';

const TIMEOUT_MS = 1000;

beforeEach(() => {
  jest.useFakeTimers(FAKED_CLOCK);
});

afterEach(() => {
  jest.useRealTimers();
});

const readerOf = () => new BodyReader(TIMEOUT_MS, new HeldBodies(Infinity));

/** A request whose bytes the test sends, with the calls of the reader. */
function reading(reader: BodyReader, headers: Record<string, string> = {}) {
  const request = Object.assign(new EventEmitter(), { headers });
  const seen: { outcomes: string[]; done: () => void } = {
    outcomes: [],
    done: () => undefined,
  };
  reader.readBody(
    request as unknown as IncomingMessage,
    (body, done) => {
      seen.outcomes.push(`taken ${body.toString('latin1', 0, 20)} ${body.length}`);
      seen.done = done;
    },
    (fault) => seen.outcomes.push(fault),
  );
  return {
    seen,
    send: (chunk: string | Buffer) => request.emit('data', Buffer.from(chunk as string)),
    end: () => request.emit('end'),
    close: () => request.emit('close'),
  };
}

describe('BodyReader', () => {
  it('returns the bytes of all chunks, once', () => {
    const { seen, send, end, close } = reading(readerOf());
    for (const chunk of ['ab', 'c', 'd']) send(chunk);
    expect(seen.outcomes).toEqual([]);
    end();
    close();
    jest.advanceTimersByTime(TIMEOUT_MS * 2);
    expect(seen.outcomes).toEqual(['taken abcd 4']);
  });

  it('takes an empty body', () => {
    const { seen, end } = reading(readerOf());
    end();
    expect(seen.outcomes).toEqual(['taken  0']);
  });

  it('refuses a Content-Length above the limit before it reads', () => {
    const over = String(MAX_BODY_BYTES + 1);
    const { seen } = reading(readerOf(), { 'content-length': over });
    expect(seen.outcomes).toEqual(['body-too-large']);
  });

  it('takes a body of the limit, and refuses one more byte', () => {
    const exact = reading(readerOf());
    exact.send(Buffer.alloc(MAX_BODY_BYTES, 'x'));
    exact.end();
    expect(exact.seen.outcomes).toEqual([`taken ${'x'.repeat(20)} ${MAX_BODY_BYTES}`]);

    const over = reading(readerOf());
    over.send(Buffer.alloc(MAX_BODY_BYTES));
    over.send('x');
    over.send('x');
    over.end();
    expect(over.seen.outcomes).toEqual(['body-too-large']);
  });

  it('takes a body of as many pieces as allowed, and refuses one more', () => {
    const exact = reading(readerOf());
    for (let i = 0; i < MAX_PIECES; i++) exact.send('x');
    exact.end();
    expect(exact.seen.outcomes).toEqual([`taken ${'x'.repeat(20)} ${MAX_PIECES}`]);

    const over = reading(readerOf());
    for (let i = 0; i <= MAX_PIECES; i++) over.send('x');
    expect(over.seen.outcomes).toEqual(['body-too-slow']);
  });

  it('refuses more bytes than the sender announced', () => {
    const { seen, send } = reading(readerOf(), { 'content-length': '3' });
    send('ab');
    send('cd');
    expect(seen.outcomes).toEqual(['body-too-large']);
  });

  it('refuses a body that is late, and ignores the bytes after that', () => {
    const { seen, send, end } = reading(readerOf());
    send('a');
    jest.advanceTimersByTime(TIMEOUT_MS - 1);
    expect(seen.outcomes).toEqual([]);
    jest.advanceTimersByTime(1);
    send('b');
    end();
    expect(seen.outcomes).toEqual(['body-too-slow']);
  });

  it('calls nothing back when the sender disconnects', () => {
    const { seen, send, close } = reading(readerOf());
    send('a');
    close();
    jest.advanceTimersByTime(TIMEOUT_MS * 2);
    expect(seen.outcomes).toEqual([]);
  });
});

describe('the limit of all bodies together', () => {
  it('refuses a body while others use the room, and takes one when they are done', () => {
    const reader = new BodyReader(TIMEOUT_MS, new HeldBodies(10));
    const first = reading(reader);
    first.send('12345678');
    first.end();
    const refused = reading(reader);
    refused.send('abc');
    expect(refused.seen.outcomes).toEqual(['overloaded']);
    first.seen.done();
    const taken = reading(reader);
    taken.send('1234567890');
    taken.end();
    expect(taken.seen.outcomes).toEqual(['taken 1234567890 10']);
  });

  it.each<[string, (one: ReturnType<typeof reading>) => void]>([
    ['was refused because it was late', () => jest.advanceTimersByTime(TIMEOUT_MS)],
    ['was refused for the limit', (one) => one.send('12345678')],
    ['was aborted by its sender', (one) => one.close()],
    [
      'was answered',
      (one) => {
        one.end();
        one.seen.done();
        one.seen.done();
        one.close();
      },
    ],
  ])('does not count a body that %s', (_, end) => {
    const reader = new BodyReader(TIMEOUT_MS, new HeldBodies(10));
    for (let i = 0; i < 5; i++) {
      const one = reading(reader);
      one.send('12345678');
      end(one);
      one.send('more');
    }
    const whole = reading(reader);
    whole.send('1234567890');
    whole.end();
    expect(whole.seen.outcomes).toEqual(['taken 1234567890 10']);
  });
});

it('counts each body from its first byte until it is answered, refused or aborted', () => {
  const held = new HeldBodies(Infinity);
  const reader = new BodyReader(TIMEOUT_MS, held);
  const aborted = reading(reader);
  const late = reading(reader);
  const taken = reading(reader);
  expect(held.count).toBe(3);
  aborted.close();
  taken.send('abc');
  taken.end();
  jest.advanceTimersByTime(TIMEOUT_MS);
  expect([late.seen.outcomes, held.count, held.bytes]).toEqual([['body-too-slow'], 1, 3]);
  taken.seen.done();
  expect([held.count, held.bytes]).toEqual([0, 0]);
});
