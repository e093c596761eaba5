import { invalid } from './api-error.js';
import type { FileStore } from './files.js';
import { jsonBody, query, route, type Call, type Reply, type Route } from './http.js';
import { objectMember, stringMember } from './json.js';
import { collection, id, resource } from './paths.js';

const DEFAULT_MIME_TYPE = 'application/octet-stream';

/** @param baseUrl of the emulator, for the URLs of uploads; known only when it listens */
export function fileRoutes(files: FileStore, baseUrl: () => string): Route[] {
  const upload = collection('files', '/upload');
  const one = resource('files');
  const download = (call: Call) => ({
    headers: { 'Content-Type': files.mimeType(name(call)) },
    body: files.content(name(call)),
  });
  const uploads = (call: Call) =>
    call.url.searchParams.has('upload_id')
      ? continueUpload(files, call)
      : beginUpload(files, baseUrl(), call);
  return [
    route('files.upload', 'POST', upload, uploads),
    route('files.upload', 'PUT', upload, uploads),
    route('files.list', 'GET', collection('files'), (call) => ({
      body: files.list(query(call, 'page_size'), query(call, 'page_token')),
    })),
    route('files.get', 'GET', one, (call) => ({ body: files.get(name(call)) })),
    route('files.download', 'GET', resource('files', ':download'), download),
    // The guide's REST samples fetch results under this prefix.
    route('files.download', 'GET', resource('files', ':download', '/download'), download),
    route('files.delete', 'DELETE', one, (call) => {
      files.delete(name(call));
      return {};
    }),
  ];
}

function name(call: Call): string {
  return `files/${id(call)}`;
}

function beginUpload(files: FileStore, baseUrl: string, call: Call): Reply {
  if (call.headers['x-goog-upload-protocol'] !== 'resumable') {
    throw invalid('Only resumable uploads are emulated.');
  }
  const file = objectMember(jsonBody(call), 'file') ?? {};
  const given = call.headers['x-goog-upload-header-content-type'];
  const uploadId = files.beginUpload({
    name: stringMember(file, 'name'),
    displayName: stringMember(file, 'display_name'),
    mimeType: stringMember(file, 'mime_type') ?? String(given ?? DEFAULT_MIME_TYPE),
  });
  const url = `${baseUrl}${call.url.pathname}?upload_id=${uploadId}&upload_protocol=resumable`;
  return { headers: { 'X-Goog-Upload-URL': url, 'X-Goog-Upload-Status': 'active' } };
}

function continueUpload(files: FileStore, call: Call): Reply {
  const commands = String(call.headers['x-goog-upload-command'] ?? '').split(/,\s*/);
  const offset = Number(call.headers['x-goog-upload-offset'] ?? 0);
  const uploadId = call.url.searchParams.get('upload_id') ?? '';
  const last = commands.includes('finalize');
  const file = files.continueUpload(uploadId, offset, call.body, last);
  return {
    headers: { 'X-Goog-Upload-Status': last ? 'final' : 'active' },
    body: file ? { file } : {},
  };
}
