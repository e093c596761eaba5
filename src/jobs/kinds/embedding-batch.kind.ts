import { z } from 'zod';
import { batchInput, batchOrder, ONE_INPUT } from './batch-order.js';
import { BATCH_OPERATION } from './batch-operation.js';
import { displayNameOf } from './display-name.js';
import type { JobKind } from '../job-kind.js';

const order = batchOrder(
  z
    .looseObject({ content: z.unknown() })
    .describe("An EmbedContentRequest; the rest of its schema is Gemini's to check"),
).meta({
  description: "Many embeddings; the project's static webhook tells of their end",
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

/** Many embeddings. Gemini takes no webhook for these: the project's static one tells of them. */
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
        // So the SDK writes it with this method
        inputConfig: batchInput(given, 'file_name'),
      },
    },
  }),
};
