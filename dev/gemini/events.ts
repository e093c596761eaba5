import type { Batch, Finish } from './batch.js';
import type { Json } from './json.js';
import type { EmulatorOptions } from './options.js';

/** The envelope of every delivery. */
export interface GeminiEvent {
  /** Under the API's name, whatever name is sent: subscriptions go by this one. */
  readonly canonicalType: string;
  readonly envelope: Json;
}

/** Which event, if any, announces the end of a batch. */
export function batchEvent(
  batch: Batch,
  finish: Finish,
  options: EmulatorOptions,
): GeminiEvent | undefined {
  const { outcome } = finish;
  if (outcome === 'cancelled' && !options.cancelledEvents) return undefined;
  return event(`batch.${outcome}`, batchData(batch, finish, options), options, {
    userMetadata: batch.userMetadata,
  });
}

/** Any event, its data in the newest names: the envelope, and what the job's submitter wanted to see again. */
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

/** Names that the guide had at launch and has no more. */
function launchSpelling(canonicalType: string, data: Json): Json {
  if (canonicalType === 'batch.succeeded') return { ...data, error_count: 0 };
  if (canonicalType !== 'video.generated') return data;
  return { file_id: data['file_name'] ?? data['id'], video_uri: data['output_file_uri'] };
}

function batchData(batch: Batch, finish: Finish, options: EmulatorOptions): Json {
  const id = { id: spelledId(batch.id, options.dataId) };
  switch (finish.outcome) {
    case 'succeeded':
      return { ...id, ...outputUri(batch, options) };
    case 'failed': {
      const { code, message } = batch.error ?? { code: 13, message: '' };
      return { ...id, error_code: finish.errorCode ?? code, error_message: message };
    }
    default:
      return id;
  }
}

/** Only jobs with a file as input have one. */
function outputUri(batch: Batch, options: EmulatorOptions): Json {
  const file = batch.results?.output['responsesFile'];
  if (typeof file !== 'string') return {};
  const uri = options.outputUri === 'files/' ? file : `gs://emulated-bucket/${file}`;
  return { output_file_uri: uri };
}

function spelledId(id: string, spelling: EmulatorOptions['dataId']): string {
  return spelling === 'bare' ? id : `${spelling}${id}`;
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
