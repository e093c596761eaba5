import { z } from 'zod';
import { batchInput, batchOrder } from './batch-order.js';
import {
  BATCH_EVENTS,
  BATCH_LISTING,
  batchNameIn,
  batchResult,
  batchSeen,
  cancelBatch,
  lookAtBatch,
} from './batch-operation.js';
import { displayNameOf } from './display-name.js';
import type { JobKind } from './job-kind.js';

const order = batchOrder(
  /** An EmbedContentRequest; its schema is Gemini's to check. */
  z.looseObject({ content: z.unknown() }),
);

export type EmbeddingBatchOrder = z.output<typeof order>;

/** Many embeddings. Gemini takes no webhook for these: the project's static one tells of them. */
export const embeddingBatchKind: JobKind<EmbeddingBatchOrder> = {
  name: 'embedding-batch',
  collection: 'embedding-batches',
  announcedBy: 'static',
  order,
  events: BATCH_EVENTS,

  submission: (given, { jobId, displayName }) => ({
    method: 'POST',
    path: `models/${given.model}:asyncBatchEmbedContent`,
    body: {
      batch: {
        displayName: displayNameOf(jobId, displayName),
        // So the SDK writes it with this method
        inputConfig: batchInput(given, 'file_name'),
      },
    },
  }),
  nameIn: batchNameIn,
  look: lookAtBatch,
  seen: batchSeen,
  cancellation: cancelBatch,
  result: batchResult,
  listing: BATCH_LISTING,
};
