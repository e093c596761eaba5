import { invalid } from './api-error.js';
import type { BatchInput, BatchRequest } from './batch.js';
import type { FileStore } from './files.js';
import { isObject, member, objectMember, stringMember, type Json } from './json.js';

/** Inline requests, or an uploaded file with one request a line. The prompts are not kept: nobody answers them. */
export function batchInput(config: Json | undefined, files: FileStore): BatchInput {
  const fileName = config && stringMember(config, 'file_name');
  if (fileName) return { fileName, requests: linesOf(fileName, files) };
  const wrapper = config && objectMember(config, 'requests');
  const requests = wrapper && member(wrapper, 'requests');
  if (!Array.isArray(requests) || requests.length === 0) {
    throw invalid('input_config must have requests or a file_name.');
  }
  return { fileName: undefined, requests: requests.map((entry) => inline(entry)) };
}

function inline(entry: unknown): BatchRequest {
  if (!isObject(entry) || !objectMember(entry, 'request')) {
    throw invalid('each of the requests must hold a request.');
  }
  return { key: undefined, metadata: objectMember(entry, 'metadata') };
}

function linesOf(fileName: string, files: FileStore): BatchRequest[] {
  const text = Buffer.from(files.content(fileName)).toString();
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, index) => {
      const parsed = parsedLine(line);
      if (!parsed) throw invalid(`Failed to parse line ${index + 1} of ${fileName}.`);
      return { key: stringMember(parsed, 'key'), metadata: undefined };
    });
}

function parsedLine(line: string): Json | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
