import { z } from 'zod';
import { batchInput, batchOrder, ONE_INPUT } from './batch-order.js';
import { BATCH_OPERATION } from './batch-operation.js';
import { displayNameOf } from './display-name.js';
import type { JobKind } from '../job-kind.js';

const order = batchOrder(
  z
    .looseObject({ content: z.unknown() })
    .describe('An EmbedContentRequest. The bridge passes it on; Gemini checks it'),
).meta({
  description: 'A batch of embeddings, inline or in a file',
  ...ONE_INPUT,
  examples: [
    {
      model: 'gemini-embedding-001',
      requests: [
        { key: 'd1', request: { content: { parts: [{ text: 'The sky is blue' }] } } },
      ],
      correlationId: 'order-4712',
    },
  ],
});

type EmbeddingBatchOrder = z.output<typeof order>;

/** A batch of embeddings. Gemini has no webhook of a single one: the static webhook announces it. */
export const embeddingBatchKind: JobKind<EmbeddingBatchOrder> = {
  name: 'embedding-batch',
  collection: 'embedding-batches',
  announcedBy: 'static',
  order,
  ...BATCH_OPERATION,

  submission: (given, { jobId, displayName }) => ({
    method: 'POST',
    path: `models/${given.model}:asyncBatchEmbedContent`,
    body: {
      batch: {
        displayName: displayNameOf(jobId, displayName),
        // Google's SDK writes `file_name` with this method
        inputConfig: batchInput(given, 'file_name'),
      },
    },
  }),
};
