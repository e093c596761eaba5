import type { Batch, BatchRequest, BatchState, Finish } from './batch.js';
import type { FileStore } from './files.js';
import { resourceId } from './ids.js';
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
  const { requests, fileName } = batch.input;
  const failed = Math.min(failedRequests, requests.length);
  const answers = requests.map((request, index) =>
    answer(batch, request, index < failed),
  );
  const succeeded = requests.length - failed;
  const output: Json =
    fileName === undefined
      ? { inlinedResponses: { inlinedResponses: answers } }
      : { responsesFile: outputFile(batch, answers, files) };
  return { state, results: { succeeded, failed, output }, error: undefined };
}

function outputFile(batch: Batch, answers: readonly Json[], files: FileStore): string {
  const lines = answers.map((entry) => `${JSON.stringify(entry)}\n`);
  const id = `batch-${batch.id}`;
  return files.add(id, Buffer.from(lines.join('')), { mimeType: 'application/jsonl' });
}

function answer(batch: Batch, request: BatchRequest, failed: boolean): Json {
  const { key, metadata } = request;
  return {
    ...(key === undefined ? {} : { key }),
    ...(failed
      ? { error: ERRORS.failed }
      : { response: response(batch.model.replace('models/', '')) }),
    ...(metadata ? { metadata } : {}),
  };
}

function response(modelVersion: string): Json {
  return {
    candidates: [
      {
        content: { parts: [{ text: 'An emulated answer.' }], role: 'model' },
        finishReason: 'STOP',
        index: 0,
      },
    ],
    usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 4, totalTokenCount: 5 },
    modelVersion,
    responseId: resourceId(22),
  };
}
