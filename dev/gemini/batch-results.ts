import type { Batch, BatchRequest, BatchState, Finish } from './batch.js';
import { fileRequests } from './batch-input.js';
import type { FileStore } from './files.js';
import type { Json } from './json.js';
import type { Outcome } from './options.js';

const STATES: Readonly<Record<Outcome, BatchState>> = {
  succeeded: 'SUCCEEDED',
  failed: 'FAILED',
  expired: 'EXPIRED',
  cancelled: 'CANCELLED',
};

/** gRPC codes. Assumption: that an expired or cancelled operation carries an error at all. */
const ERRORS = {
  failed: { code: 13, message: 'Internal error encountered.' },
  expired: { code: 4, message: 'The batch did not finish in time.' },
  cancelled: { code: 1, message: 'The batch was cancelled.' },
} as const;

/** What changes in a batch by its end. Results of a file batch become a file of their own. */
export function resultsOf(
  batch: Batch,
  finish: Finish,
  files: FileStore,
): Pick<Batch, 'state' | 'results' | 'error'> {
  const { outcome, failedRequests = 0 } = finish;
  const state = STATES[outcome];
  if (outcome !== 'succeeded') {
    const { code, message } = ERRORS[outcome];
    const error = {
      code: typeof finish.errorCode === 'number' ? finish.errorCode : code,
      message: finish.errorMessage ?? message,
    };
    return { state, results: undefined, error };
  }
  const { count, inline, fileName } = batch.input;
  const failed = Math.min(failedRequests, count);
  const answerTo = (request: BatchRequest, index: number) =>
    index < failed ? refusal(request) : answer(batch, request, index);
  const output: Json =
    fileName === undefined
      ? { inlinedResponses: { inlinedResponses: inline.map(answerTo) } }
      : { responsesFile: outputFile(batch, fileName, answerTo, files) };
  const results = { succeeded: count - failed, failed, output };
  return { state, results, error: undefined };
}

type AnswerTo = (request: BatchRequest, index: number) => Json;

/** If the input was deleted meanwhile, the answers have no keys. */
function outputFile(
  batch: Batch,
  fileName: string,
  answerTo: AnswerTo,
  files: FileStore,
): string {
  const keyless = { key: undefined, metadata: undefined };
  const requests = files.has(fileName)
    ? fileRequests(fileName, files)
    : [Array.from({ length: batch.input.count }, () => keyless)];
  const id = `batch-${batch.id}`;
  const details = { mimeType: 'application/jsonl' };
  return files.addWritten(id, answerLines(requests, answerTo), details);
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

function refusal(request: BatchRequest): Json {
  return { ...identity(request), error: ERRORS.failed };
}

function answer({ id, model }: Batch, request: BatchRequest, index: number): Json {
  const response = {
    candidates: [
      {
        content: { parts: [{ text: 'An emulated answer.' }], role: 'model' },
        finishReason: 'STOP',
        index: 0,
      },
    ],
    usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 4, totalTokenCount: 5 },
    modelVersion: model.replace('models/', ''),
    responseId: `${id}-${index}`,
  };
  return { ...identity(request), response };
}

/** By which the submitter knows the answer again. */
function identity({ key, metadata }: BatchRequest): Json {
  return { ...(key === undefined ? {} : { key }), ...(metadata ? { metadata } : {}) };
}
