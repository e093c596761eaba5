import { inflateRawSync } from 'node:zlib';

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const DEFLATED = 8;

/** Names and contents of a zip archive in memory. Node.js can inflate an entry but cannot read the archive around it. */
export function zipEntries(archive: Buffer): Map<string, () => Buffer> {
  const end = archive.lastIndexOf(signature(END));
  if (end < 0) throw new Error('not a zip archive');
  const entries = new Map<string, () => Buffer>();
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== ENTRY) throw new Error('a broken zip archive');
    const [name, extra, comment] = [28, 30, 32].map((to) =>
      archive.readUInt16LE(at + to),
    );
    const start = at + 46;
    const entry = at;
    at = start + (name ?? 0) + (extra ?? 0) + (comment ?? 0);
    entries.set(archive.toString('utf8', start, start + (name ?? 0)), () =>
      content(archive, entry),
    );
  }
  return entries;
}

/** The entry's local header repeats the name, and its extra field has another length than the central one's. */
function content(archive: Buffer, entry: number): Buffer {
  const method = archive.readUInt16LE(entry + 10);
  const size = archive.readUInt32LE(entry + 20);
  const local = archive.readUInt32LE(entry + 42);
  const start =
    local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const bytes = archive.subarray(start, start + size);
  return method === DEFLATED ? inflateRawSync(bytes) : bytes;
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
