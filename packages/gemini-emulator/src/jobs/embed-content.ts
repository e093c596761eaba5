import { batchKind } from './batch-kind.js';

/** Real embeddings have hundreds of dimensions. */
const DIMENSIONS = 3;

/**
 * `models/{model}:asyncBatchEmbedContent`. Its request has no `webhookConfig`, so only static webhooks announce these
 * batches.
 */
export const embedContent = batchKind({
  message: 'EmbedContentBatch',
  webhooks: false,
  respond: (_, index) => ({
    embedding: { values: Array.from({ length: DIMENSIONS }, (__, at) => index + at / 8) },
    usageMetadata: { promptTokenCount: 1 },
  }),
});
