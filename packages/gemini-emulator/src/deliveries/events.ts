import { SILENT } from '../jobs/job-kind.js';
import { JOB_KINDS } from '../jobs/job-kinds.js';
import type { Finish, Job } from '../jobs/job.js';
import type { Json } from '../json.js';
import type { EmulatorOptions } from '../options.js';

/** The event of a delivery. */
export interface GeminiEvent {
  /** The API's type of the event, by which webhooks subscribe. The envelope may have another (`successType`). */
  readonly canonicalType: string;
  readonly envelope: Json;
}

/** The event that announces the end of a job; undefined if no event does. */
export function jobEvent(
  job: Job,
  finish: Finish,
  options: EmulatorOptions,
): GeminiEvent | undefined {
  const { outcome } = finish;
  const type = JOB_KINDS[job.kind].endings[outcome] ?? SILENT;
  if (type === SILENT) return undefined;
  if (outcome === 'cancelled' && !options.cancelledEvents) return undefined;
  const { userMetadata } = job;
  return event(type, jobData(job, finish, options), options, { userMetadata });
}

/** An event of any type, with the job's `user_metadata`. @param data with the names of the guide's newest text */
export function event(
  canonicalType: string,
  data: Json,
  options: EmulatorOptions,
  job: { userMetadata?: Json | undefined } = {},
): GeminiEvent {
  const type = canonicalType === 'batch.succeeded' ? options.successType : canonicalType;
  const { userMetadata } = job;
  const envelope: Json = {
    type,
    version: 'v1',
    timestamp: new Date().toISOString(),
    data:
      options.spelling === 'launch' ? launchSpelling(canonicalType, data) : { ...data },
  };
  if (userMetadata) placeMetadata(envelope, userMetadata, options.userMetadata);
  return { canonicalType, envelope };
}

/** The data with the names that the guide had at launch. */
function launchSpelling(canonicalType: string, data: Json): Json {
  if (canonicalType === 'batch.succeeded') return { ...data, error_count: 0 };
  if (canonicalType !== 'video.generated') return data;
  return { file_id: data['file_name'] ?? data['id'], video_uri: data['output_file_uri'] };
}

function jobData(job: Job, finish: Finish, options: EmulatorOptions): Json {
  const kind = JOB_KINDS[job.kind];
  const id = kind.dataId(job, options);
  if (finish.outcome === 'succeeded') return { id, ...kind.resultData(job, options) };
  if (finish.outcome !== 'failed') return { id };
  const { code, message } = job.error ?? { code: 13, message: '' };
  return { id, error_code: finish.errorCode ?? code, error_message: message };
}

function placeMetadata(
  envelope: Json,
  metadata: Json,
  place: EmulatorOptions['userMetadata'],
): void {
  const data = envelope['data'] as Json;
  if (place === 'user_metadata') envelope['user_metadata'] = metadata;
  if (place === 'data.user_metadata') data['user_metadata'] = metadata;
  if (place === 'data.webhook_config.user_metadata') {
    data['webhook_config'] = { user_metadata: metadata };
  }
}
