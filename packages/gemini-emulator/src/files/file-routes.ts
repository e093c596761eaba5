import { byteRange } from '../api/byte-range.js';
import type { FileStore } from './files.js';
import { query, route, type Call, type Reply, type Route } from '../api/http.js';
import { collection, id, resource } from '../api/paths.js';

export function fileRoutes(files: FileStore): Route[] {
  const one = resource('files');
  const download = (call: Call) => downloaded(files, call);
  return [
    route('files.list', 'GET', collection('files'), async (call) => ({
      body: await files.list(query(call, 'page_size'), query(call, 'page_token')),
    })),
    route('files.get', 'GET', one, async (call) => ({
      body: await files.get(name(call)),
    })),
    route('files.download', 'GET', resource('files', ':download'), download),
    // The guide's REST samples fetch results under this prefix
    route('files.download', 'GET', resource('files', ':download', '/download'), download),
    route('files.delete', 'DELETE', one, async (call) => {
      await files.delete(name(call));
      return {};
    }),
  ];
}

function name(call: Call): string {
  return `files/${id(call)}`;
}

/** Assumption: Google supports `Range` here. */
async function downloaded(files: FileStore, call: Call): Promise<Reply> {
  const content = await files.content(name(call));
  const all = content.bytes;
  const range = byteRange(call.headers.range, all);
  const { first, last } = range ?? { first: 0, last: all - 1 };
  return {
    status: range ? 206 : 200,
    headers: {
      'Content-Type': files.mimeType(name(call)),
      'Content-Length': String(last - first + 1),
      'Accept-Ranges': 'bytes',
      ...(range ? { 'Content-Range': `bytes ${first}-${last}/${all}` } : {}),
    },
    stream: () => content.read(first, last),
  };
}
