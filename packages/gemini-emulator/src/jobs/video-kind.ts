import { invalid } from '../api-error.js';
import { resourceId } from '../ids.js';
import { SILENT, type JobContext, type Kind } from './job-kind.js';
import type { Finish, Job, JobOrder, JobResults } from './job.js';
import { isObject, member, objectMember, type Json } from '../json.js';
import type { EmulatorOptions } from '../options.js';
import { outputUri } from './output-uri.js';
import { shownVideo } from './video-operation.js';
import { jobWebhooks } from '../webhooks/webhook-config.js';

/** Ids of recorded operations and files have this length. */
const ID_LENGTH = 12;
const MAX_SAMPLES = 4;

/** Videos, which are operations of their model. The API has no `video.failed`, so a failure is announced by no event. */
export const video: Kind = {
  collection: 'operations',
  endings: { succeeded: 'video.generated', failed: SILENT, cancelled: SILENT },
  order,
  results,
  shown: shownVideo,
  dataId,
  resultData,
};

function order(body: Json, model: string): JobOrder {
  const instances = member(body, 'instances');
  const given = Array.isArray(instances) ? instances : [];
  if (given.length === 0 || !given.every(isObject)) {
    throw invalid('instances must hold what is to be generated.');
  }
  const parameters = objectMember(body, 'parameters');
  const count = (parameters && member(parameters, 'sample_count')) ?? 1;
  if (typeof count !== 'number' || !(count >= 1 && count <= MAX_SAMPLES)) {
    throw invalid(`sampleCount must be from 1 to ${MAX_SAMPLES}.`);
  }
  return {
    name: `models/${model}/operations/${resourceId(ID_LENGTH)}`,
    model: `models/${model}`,
    displayName: undefined,
    input: { count },
    ...jobWebhooks(body),
  };
}

/** The results of a video. Samples that are withheld for their content are only counted, as in recorded answers. */
function results(
  { input }: Job,
  { failedRequests = 0 }: Finish,
  { files, baseUrl }: JobContext,
): JobResults {
  const failed = Math.min(failedRequests, input.count);
  const succeeded = input.count - failed;
  const names = Array.from({ length: succeeded }, () =>
    files.add(resourceId(ID_LENGTH), Buffer.from('An emulated video.'), {
      mimeType: 'video/mp4',
    }),
  );
  const generatedSamples = names.map((name) => ({
    video: { uri: `${baseUrl()}/v1beta/${name}:download?alt=media` },
  }));
  const raiMediaFilteredReasons = Array.from({ length: failed }, () => 'Emulated.');
  const output = {
    ...(succeeded > 0 ? { generatedSamples } : {}),
    ...(failed > 0 ? { raiMediaFilteredCount: failed, raiMediaFilteredReasons } : {}),
  };
  return { succeeded, failed, output, fileName: names[0] };
}

function dataId({ id, name }: Job, { videoDataId }: EmulatorOptions): string {
  if (videoDataId === 'models/') return name;
  return videoDataId === 'bare' ? id : `operations/${id}`;
}

/** Assumption: the event names the file of the first sample, and none if there is no sample. */
function resultData({ results: made }: Job, options: EmulatorOptions): Json {
  const fileName = made?.fileName;
  if (fileName === undefined) return {};
  return { output_file_uri: outputUri(fileName, options), file_name: fileName };
}
