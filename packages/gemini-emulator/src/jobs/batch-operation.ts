import { isOver, type Job } from './job.js';
import type { Json } from '../json.js';
import type { EmulatorOptions } from '../options.js';

const PACKAGE = 'type.googleapis.com/google.ai.generativelanguage.v1main';

/** A batch as `batches.get` answers it, in the form of published recordings. */
export function batchOperation(
  job: Job,
  message: string,
  options: EmulatorOptions,
): Json {
  const { name, error, results } = job;
  const type = `${PACKAGE}.${message}`;
  return {
    name,
    metadata: { '@type': type, ...metadata(job, options) },
    ...(isOver(job) ? { done: true } : {}),
    ...(error ? { error } : {}),
    // The real answer has the results twice, too
    ...(results ? { response: { '@type': `${type}Output`, ...results.output } } : {}),
  };
}

function metadata(job: Job, { echo }: EmulatorOptions): Json {
  const { displayName, input, endMs, results, webhookConfig } = job;
  return {
    model: job.model,
    ...(displayName === undefined ? {} : { displayName }),
    ...(input.fileName === undefined
      ? {}
      : { inputConfig: { fileName: input.fileName } }),
    ...(echo.batch && webhookConfig ? { webhookConfig } : {}),
    createTime: nanoseconds(job.createMs),
    ...(endMs === undefined ? {} : { endTime: nanoseconds(endMs) }),
    updateTime: nanoseconds(job.updateMs),
    batchStats: stats(job),
    state: `BATCH_STATE_${job.state}`,
    name: job.name,
    ...(results ? { output: results.output } : {}),
  };
}

/** The counters of a batch. In Google's JSON 64-bit numbers are strings, and a counter of 0 is absent. */
function stats(job: Job): Json {
  const { input, results } = job;
  const counters = {
    requestCount: input.count,
    pendingRequestCount: isOver(job) ? 0 : input.count,
    successfulRequestCount: results?.succeeded ?? 0,
    failedRequestCount: results?.failed ?? 0,
  };
  return Object.fromEntries(
    Object.entries(counters)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => [name, String(count)]),
  );
}

/** RFC 3339 with nine decimals, as in Google's operations. */
function nanoseconds(ms: number): string {
  const micros = String(Math.floor((ms % 1) * 1000)).padStart(3, '0');
  return new Date(ms).toISOString().replace('Z', `${micros}000Z`);
}
