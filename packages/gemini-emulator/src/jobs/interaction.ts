import type { Job, JobState } from './job.js';
import type { Json } from '../json.js';
import type { EmulatorOptions } from '../options.js';

const STATUSES: Readonly<Record<JobState, string>> = {
  PENDING: 'in_progress',
  RUNNING: 'in_progress',
  REQUIRES_ACTION: 'requires_action',
  SUCCEEDED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  EXPIRED: 'failed',
};

/** An interaction as `interactions.get` answers it, in the form of published recordings, with names in snake_case. */
export function shownInteraction(job: Job, { echo }: EmulatorOptions): Json {
  const { id, input, state, results, error, webhookConfig } = job;
  return {
    id,
    object: 'interaction',
    ...input.repeated,
    status: STATUSES[state],
    created: seconds(job.createMs),
    updated: seconds(job.updateMs),
    ...(echo.interaction && webhookConfig ? { webhook_config: webhookConfig } : {}),
    ...results?.output,
    // Assumption: the spelling of the codes. The reference says that they are URIs
    ...(error ? { errors: [{ code: String(error.code), message: error.message }] } : {}),
  };
}

function seconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+/, '');
}
