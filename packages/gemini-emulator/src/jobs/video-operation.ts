import { isOver, type Job } from './job.js';
import type { Json } from '../json.js';
import type { EmulatorOptions } from '../options.js';

const PACKAGE = 'type.googleapis.com/google.ai.generativelanguage.v1beta';

/** The operation of a video, with a response in the form that the SDK decodes. */
export function shownVideo(job: Job, { echo }: EmulatorOptions): Json {
  const { name, error, results, webhookConfig } = job;
  const metadata = { '@type': `${PACKAGE}.PredictLongRunningMetadata`, webhookConfig };
  const response = {
    '@type': `${PACKAGE}.PredictLongRunningResponse`,
    generateVideoResponse: results?.output,
  };
  return {
    name,
    // Recorded operations have no `metadata`
    ...(echo.video && webhookConfig ? { metadata } : {}),
    ...(isOver(job) ? { done: true } : {}),
    ...(error ? { error } : {}),
    ...(results ? { response } : {}),
  };
}
