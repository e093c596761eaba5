import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { CommandError } from '../terminal.js';

/** A captured request. */
export interface Capture {
  readonly method: string;
  readonly path: string;
  /** By lower-case name. Repeated ones are joined with commas, as Node.js does. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** When it arrived, Unix ms; undefined where the file does not have it. */
  readonly receivedAt: number | undefined;
}

const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
const WANTS =
  'want an HTTP request as it arrived (request line, headers, an empty line, body), or JSON with path, headers, and body or bodyBase64';

const json = z.object({
  method: z.string().default('POST'),
  path: z.string(),
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  body: z.string().optional(),
  bodyBase64: z.base64().optional(),
  receivedAt: z.iso.datetime({ offset: true }).optional(),
});

/** @throws {CommandError} for a file that cannot be read, or holds neither form. */
export function readCapture(file: string): Capture {
  const bytes = bytesOf(file);
  return bytes.subarray(0, 1).toString() === '{' ? fromJson(bytes) : fromHttp(bytes);
}

function bytesOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT' ? 'which does not exist' : `which cannot be read (${code})`;
    throw unusable(`${file}, ${reason}`);
  }
}

function fromJson(bytes: Buffer): Capture {
  let given: unknown;
  try {
    given = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw unusable('text that begins with { and is no JSON');
  }
  const parsed = json.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw unusable(
      `JSON in which ${issue?.path.join('.') || 'the whole'} has another form`,
    );
  }
  const { method, path, headers, body = '', bodyBase64, receivedAt } = parsed.data;
  return {
    method,
    path,
    headers: withLowerCaseNames(
      Object.entries(headers).flatMap(([name, values]) =>
        [values].flat().map((value): [string, string] => [name, value]),
      ),
    ),
    body:
      bodyBase64 === undefined ? Buffer.from(body) : Buffer.from(bodyBase64, 'base64'),
    receivedAt: receivedAt === undefined ? undefined : Date.parse(receivedAt),
  };
}

function fromHttp(bytes: Buffer): Capture {
  const end = /\r?\n\r?\n/.exec(bytes.toString('latin1'));
  const head = bytes.toString('latin1', 0, end?.index ?? bytes.length).split(/\r?\n/);
  const [, method, path] = /^([A-Z]+) (\S+)(?: HTTP\/[\d.]+)?$/.exec(head[0] ?? '') ?? [];
  if (method === undefined || path === undefined) {
    throw unusable('text whose first line is no request line');
  }
  const fields = head.slice(1).map((line): [string, string] => {
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name === undefined) throw unusable(`a line that is no header: ${line}`);
    return [name, value ?? ''];
  });
  const headers = withLowerCaseNames(fields);
  const rest = end ? bytes.subarray(end.index + end[0].length) : Buffer.alloc(0);
  const length = Number(headers['content-length']);
  // An editor may have appended a newline.
  const body = rest.length - length <= 2 ? rest.subarray(0, length) : rest;
  return { method, path, headers, body, receivedAt: undefined };
}

function withLowerCaseNames(fields: readonly [string, string][]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of fields) {
    const key = name.toLowerCase();
    headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
  }
  return headers;
}

function unusable(got: string): CommandError {
  return new CommandError(`the capture: got ${got}; ${WANTS}`);
}
