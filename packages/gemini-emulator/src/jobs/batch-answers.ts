import { fileRequests } from './batch-input.js';
import type { FileStore } from '../files/files.js';
import { JOB_ERRORS } from './job-errors.js';
import type { BatchRequest, Finish, Job, JobResults } from './job.js';
import type { Json } from '../json.js';

/** The answer to the request of a batch at that index. */
export type Respond = (job: Job, index: number) => Json;

type AnswerTo = (request: BatchRequest, index: number) => Json;

/** The results of a batch: in the operation for inline requests, in a file of their own for a file of requests. */
export function batchResults(
  job: Job,
  { failedRequests = 0 }: Finish,
  files: FileStore,
  respond: Respond,
): JobResults {
  const { count, inline = [], fileName } = job.input;
  const failed = Math.min(failedRequests, count);
  const succeeded = count - failed;
  const answerTo = (request: BatchRequest, index: number) => ({
    ...identity(request),
    ...(index < failed
      ? { error: JOB_ERRORS.failed }
      : { response: respond(job, index) }),
  });
  if (fileName === undefined) {
    const inlinedResponses = { inlinedResponses: inline.map(answerTo) };
    return { succeeded, failed, output: { inlinedResponses } };
  }
  const responsesFile = outputFile(job, fileName, answerTo, files);
  return { succeeded, failed, output: { responsesFile }, fileName: responsesFile };
}

/** The members that tell the submitter which request an answer belongs to. */
function identity({ key, metadata }: BatchRequest): Json {
  return { ...(key === undefined ? {} : { key }), ...(metadata ? { metadata } : {}) };
}

/** Writes the answers into a new file. They have no keys if the input file was deleted. */
function outputFile(
  { id, input }: Job,
  fileName: string,
  answerTo: AnswerTo,
  files: FileStore,
): string {
  const keyless = { key: undefined, metadata: undefined };
  const requests = files.has(fileName)
    ? fileRequests(fileName, files)
    : [Array.from({ length: input.count }, () => keyless)];
  const details = { mimeType: 'application/jsonl' };
  return files.addWritten(`batch-${id}`, answerLines(requests, answerTo), details);
}

async function* answerLines(
  requests: AsyncIterable<BatchRequest[]> | Iterable<BatchRequest[]>,
  answerTo: AnswerTo,
): AsyncGenerator<Buffer, void> {
  let before = 0;
  for await (const block of requests) {
    const lines = block.map(
      (request, at) => `${JSON.stringify(answerTo(request, before + at))}\n`,
    );
    yield Buffer.from(lines.join(''));
    before += block.length;
  }
}
