import { isOver, type Batch } from './batch.js';
import type { Json } from './json.js';

const TYPE =
  'type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch';

/** A batch as `batches.get` answers it, in the shapes and spellings of answers that others recorded. */
export function operation(batch: Batch): Json {
  const { error, results } = batch;
  return {
    name: `batches/${batch.id}`,
    metadata: metadata(batch),
    ...(isOver(batch) ? { done: true } : {}),
    ...(error ? { error } : {}),
    // The results stand twice in the real answer too.
    ...(results ? { response: { '@type': `${TYPE}Output`, ...results.output } } : {}),
  };
}

function metadata(batch: Batch): Json {
  const { displayName, input, endMs, results } = batch;
  return {
    '@type': TYPE,
    model: batch.model,
    ...(displayName === undefined ? {} : { displayName }),
    ...(input.fileName === undefined
      ? {}
      : { inputConfig: { fileName: input.fileName } }),
    createTime: nanoseconds(batch.createMs),
    ...(endMs === undefined ? {} : { endTime: nanoseconds(endMs) }),
    updateTime: nanoseconds(batch.updateMs),
    batchStats: stats(batch),
    state: `BATCH_STATE_${batch.state}`,
    name: `batches/${batch.id}`,
    ...(results ? { output: results.output } : {}),
  };
}

/** 64-bit counters are strings in Google's JSON, and a counter of 0 is left out. */
function stats(batch: Batch): Json {
  const { input, results } = batch;
  const requests = input.count;
  const counters = {
    requestCount: requests,
    pendingRequestCount: isOver(batch) ? 0 : requests,
    successfulRequestCount: results?.succeeded ?? 0,
    failedRequestCount: results?.failed ?? 0,
  };
  return Object.fromEntries(
    Object.entries(counters)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => [name, String(count)]),
  );
}

/** RFC 3339 with nine decimals, as Google prints the times of operations. */
function nanoseconds(ms: number): string {
  const micros = String(Math.floor((ms % 1) * 1000)).padStart(3, '0');
  return new Date(ms).toISOString().replace('Z', `${micros}000Z`);
}
