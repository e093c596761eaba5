import { randomBytes, randomInt } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { BodyBuffer } from '../../../../src/receiver/http/body-buffer.js';

const MAX_BYTES = 256 * 1024;

describe('BodyBuffer', () => {
  it('has the bytes of all pieces in their order', () => {
    for (let i = 0; i < 100; i++) {
      const pieces = Array.from({ length: randomInt(0, 50) }, () =>
        randomBytes(randomInt(0, 2000)),
      );
      const body = new BodyBuffer(MAX_BYTES);
      for (const piece of pieces) body.add(piece);
      expect(body.toBuffer().equals(Buffer.concat(pieces))).toBe(true);
    }
  });

  it('keeps a body of one piece without a copy', () => {
    const piece = Buffer.from('{"type":"ping"}');
    const body = new BodyBuffer(MAX_BYTES);
    expect(body.add(piece)).toBe(piece.length);
    expect(body.toBuffer().buffer).toBe(piece.buffer);
  });

  it('does not write into the piece that it was given', () => {
    const piece = Buffer.alloc(8, 'x').subarray(0, 4);
    const body = new BodyBuffer(MAX_BYTES);
    body.add(piece);
    body.add(Buffer.from('yyyy'));
    expect(Buffer.from(piece.buffer, piece.byteOffset, 8).toString()).toBe('xxxxxxxx');
  });

  it('takes no more memory than twice its bytes, in pieces of any size', () => {
    for (const size of [1, 7, 1000, 65_536]) {
      const body = new BodyBuffer(MAX_BYTES);
      let room = 0;
      for (let sent = 0; sent + size <= MAX_BYTES; sent += size) {
        room += body.add(Buffer.alloc(size)) ?? Number.NaN;
        expect(room).toBeLessThanOrEqual(Math.max(4096, 2 * body.length));
      }
      expect(room).toBeLessThanOrEqual(MAX_BYTES);
    }
  });

  it('takes as many bytes as announced, and refuses a piece beyond them', () => {
    const body = new BodyBuffer(5);
    body.add(Buffer.from('abc'));
    body.add(Buffer.from('de'));
    expect(body.add(Buffer.from('f'))).toBeUndefined();
    expect(body.toBuffer().toString()).toBe('abcde');
  });
});
