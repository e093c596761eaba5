import { describe, expect, it } from '@jest/globals';
import { deflateRawSync } from 'node:zlib';
import { zipEntries } from '../src/process/zip.js';

describe('zipEntries', () => {
  it('finds stored and deflated entries, also when local headers have extra fields', () => {
    const text = 'a long text, '.repeat(100);
    const archive = zip([
      { name: 'folder/stored', content: Buffer.from('short'), method: 0, extra: 0 },
      { name: 'deflated', content: Buffer.from(text), method: 8, extra: 28 },
    ]);
    const entries = zipEntries(archive);
    expect(Array.from(entries.keys())).toEqual(['folder/stored', 'deflated']);
    expect(entries.get('folder/stored')?.().toString()).toBe('short');
    expect(entries.get('deflated')?.().toString()).toBe(text);
  });

  it.each(['', 'no archive'])('refuses %j', (text) => {
    expect(() => zipEntries(Buffer.from(text))).toThrow('not a zip archive');
  });
});

interface Member {
  readonly name: string;
  readonly content: Buffer;
  readonly method: 0 | 8;
  /** Bytes of an extra field in the local header. The central header has none. */
  readonly extra: number;
}

/** Writes the fields that `zipEntries` reads; the others are 0. */
function zip(members: readonly Member[]): Buffer {
  const parts: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, content, method, extra } of members) {
    const bytes = method === 8 ? deflateRawSync(content) : content;
    const local = Buffer.alloc(30 + name.length + extra);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(extra, 28);
    local.write(name, 30);
    const entry = Buffer.alloc(46 + name.length);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(bytes.length, 20);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(offset, 42);
    entry.write(name, 46);
    parts.push(local, bytes);
    central.push(entry);
    offset += local.length + bytes.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...central, end]);
}
