import { invalid } from '../api-error.js';
import { batchResults, type Respond } from './batch-answers.js';
import { batchInput } from './batch-input.js';
import { batchOperation } from './batch-operation.js';
import { resourceId } from '../ids.js';
import type { Kind } from './job-kind.js';
import type { Job } from './job.js';
import { objectMember, stringMember, type Json } from '../json.js';
import type { EmulatorOptions } from '../options.js';
import { outputUri } from './output-uri.js';
import { jobWebhooks, NO_WEBHOOKS } from '../webhooks/webhook-config.js';

interface Flavour {
  /** Name of the message in the operation's `@type`. */
  readonly message: string;
  /** True if a request may have a `webhookConfig`. If false, it is ignored without an error. */
  readonly webhooks: boolean;
  readonly respond: Respond;
}

/** A kind of batch. The calls that create batches share one list, one form of operations and one set of events. */
export function batchKind({ message, webhooks, respond }: Flavour): Kind {
  return {
    collection: 'batches',
    endings: {
      succeeded: 'batch.succeeded',
      failed: 'batch.failed',
      expired: 'batch.expired',
      cancelled: 'batch.cancelled',
    },
    order: async (body, model, { files }) => {
      const given = objectMember(body, 'batch');
      if (!given) throw invalid('batch must be set.');
      return {
        name: `batches/${resourceId()}`,
        model: `models/${model}`,
        displayName: stringMember(given, 'display_name'),
        input: await batchInput(objectMember(given, 'input_config'), files),
        ...(webhooks ? jobWebhooks(given) : NO_WEBHOOKS),
      };
    },
    results: (job, finish, { files }) => batchResults(job, finish, files, respond),
    shown: (job, options) => batchOperation(job, message, options),
    dataId: ({ id }, { dataId }) => (dataId === 'bare' ? id : `${dataId}${id}`),
    resultData,
  };
}

/** `output_file_uri`, which only batches with a file as input have. */
function resultData({ results }: Job, options: EmulatorOptions): Json {
  const fileName = results?.fileName;
  return fileName === undefined ? {} : { output_file_uri: outputUri(fileName, options) };
}
