import { invalid } from '../api-error.js';
import type { BatchRequest, JobInput } from './job.js';
import type { FileStore } from '../files/files.js';
import { isObject, member, objectMember, stringMember, type Json } from '../json.js';
import { lineBlocks } from '../api/lines.js';

/** The lines of a larger file are counted but not parsed, because parsing a gigabyte would exceed a client's timeout. */
const MAX_CHECKED_BYTES = 64 * 1024 * 1024;

/**
 * The input of a batch: inline requests, or an uploaded file with one request a line. Prompts are dropped, because the
 * emulator does not answer them.
 *
 * @throws {ApiError} 400 for an input without requests, or with a request that cannot be parsed
 */
export async function batchInput(
  config: Json | undefined,
  files: FileStore,
): Promise<JobInput> {
  const fileName = config && stringMember(config, 'file_name');
  if (fileName) return { fileName, count: await lineCount(fileName, files), inline: [] };
  const wrapper = config && objectMember(config, 'requests');
  const requests = wrapper && member(wrapper, 'requests');
  if (!Array.isArray(requests) || requests.length === 0) {
    throw invalid('input_config must have requests or a file_name.');
  }
  const inline = requests.map((entry) => inlineRequest(entry));
  return { count: inline.length, inline };
}

/** The requests of a file, in arrays. A line that cannot be parsed counts as a request without a key. */
export async function* fileRequests(
  fileName: string,
  files: FileStore,
): AsyncGenerator<BatchRequest[], void> {
  const content = await files.content(fileName);
  for await (const lines of lineBlocks(content.read())) {
    yield lines.map((line) => {
      const key = parsedLine(line)?.['key'];
      return { key: typeof key === 'string' ? key : undefined, metadata: undefined };
    });
  }
}

async function lineCount(fileName: string, files: FileStore): Promise<number> {
  const content = await files.content(fileName);
  const checked = content.bytes <= MAX_CHECKED_BYTES;
  let count = 0;
  for await (const lines of lineBlocks(content.read())) {
    const wrong = checked ? lines.findIndex((line) => !isRequest(line)) : -1;
    if (wrong >= 0) {
      throw invalid(`Failed to parse line ${count + wrong + 1} of ${fileName}.`);
    }
    count += lines.length;
  }
  return count;
}

function inlineRequest(entry: unknown): BatchRequest {
  if (!isObject(entry) || !objectMember(entry, 'request')) {
    throw invalid('each of the requests must hold a request.');
  }
  return { key: undefined, metadata: objectMember(entry, 'metadata') };
}

function isRequest(line: string): boolean {
  const parsed = parsedLine(line);
  return parsed !== undefined && ['string', 'undefined'].includes(typeof parsed['key']);
}

function parsedLine(line: string): Json | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
