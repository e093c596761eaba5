import { invalid } from '../api-error.js';
import { jsonBody, route, type Call, type Reply, type Route } from '../api/http.js';
import { objectMember, stringMember } from '../json.js';
import { collection } from '../api/paths.js';
import type { Uploads } from './uploads.js';

const DEFAULT_MIME_TYPE = 'application/octet-stream';
/** Values of `X-Goog-Upload-Command`; `upload, finalize` is allowed as well. */
const COMMANDS = ['upload', 'finalize', 'query', 'cancel'];

/** @param baseUrl base of the URLs of uploads; a function, because it is known only when the server listens */
export function uploadRoutes(uploads: Uploads, baseUrl: () => string): Route[] {
  const path = collection('files', '/upload');
  const handle = (call: Call) =>
    call.url.searchParams.has('upload_id')
      ? continueUpload(uploads, call)
      : begin(uploads, baseUrl(), call);
  return ['POST', 'PUT'].map((method) => ({
    ...route('files.upload', method, path, handle),
    streams: ({ searchParams }: URL) => searchParams.has('upload_id'),
  }));
}

async function begin(uploads: Uploads, baseUrl: string, call: Call): Promise<Reply> {
  if (call.headers['x-goog-upload-protocol'] !== 'resumable') {
    throw invalid('Only resumable uploads are emulated.');
  }
  const command = call.headers['x-goog-upload-command'];
  if (command !== 'start') throw unknownCommand(command, ['start']);
  const file = objectMember(jsonBody(call), 'file') ?? {};
  const given = call.headers['x-goog-upload-header-content-type'];
  const uploadId = await uploads.begin({
    name: stringMember(file, 'name'),
    displayName: stringMember(file, 'display_name'),
    mimeType: stringMember(file, 'mime_type') ?? String(given ?? DEFAULT_MIME_TYPE),
    expectedBytes: count(call, 'x-goog-upload-header-content-length'),
  });
  const url = `${baseUrl}${call.url.pathname}?upload_id=${uploadId}&upload_protocol=resumable`;
  return { headers: { 'X-Goog-Upload-URL': url, 'X-Goog-Upload-Status': 'active' } };
}

async function continueUpload(uploads: Uploads, call: Call): Promise<Reply> {
  const uploadId = call.url.searchParams.get('upload_id') ?? '';
  const header = call.headers['x-goog-upload-command'];
  const commands = String(header ?? '').split(/,\s*/);
  if (!commands.every((command) => COMMANDS.includes(command))) {
    throw unknownCommand(header, COMMANDS);
  }
  if (commands.includes('upload')) {
    const offset = count(call, 'x-goog-upload-offset') ?? 0;
    await uploads.append(uploadId, offset, call.stream);
  }
  if (commands.includes('finalize')) await uploads.finalize(uploadId);
  if (commands.includes('cancel')) await uploads.cancel(uploadId);
  return answer(uploads, uploadId);
}

function answer(uploads: Uploads, uploadId: string): Reply {
  const { state, bytes, file } = uploads.status(uploadId);
  return {
    headers: {
      'X-Goog-Upload-Status': state,
      'X-Goog-Upload-Size-Received': String(bytes),
    },
    body: file ? { file } : {},
  };
}

function count(call: Call, header: string): number | undefined {
  const text = call.headers[header];
  if (text === undefined) return undefined;
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  throw invalid(`${header} must be a number of bytes.`);
}

function unknownCommand(given: unknown, known: readonly string[]) {
  return invalid(
    `X-Goog-Upload-Command must be one of ${known.join(', ')}, not ${String(given)}.`,
  );
}
