import { z } from 'zod';
import { batchInput, batchOrder, ONE_INPUT } from './batch-order.js';
import { BATCH_OPERATION } from './batch-operation.js';
import { displayNameOf } from './display-name.js';
import type { JobKind } from '../job-kind.js';

const order = batchOrder(
  z
    .looseObject({ contents: z.array(z.unknown()).min(1) })
    .describe('A GenerateContentRequest. The bridge passes it on; Gemini checks it'),
).meta({
  description: 'A batch of GenerateContent requests, inline or in a file',
  ...ONE_INPUT,
  examples: [
    {
      model: 'gemini-2.5-flash',
      displayName: 'nightly',
      requests: [
        {
          key: 'q1',
          request: { contents: [{ parts: [{ text: 'Why is the sky blue?' }] }] },
        },
      ],
      correlationId: 'order-4711',
      metadata: { tenant: 'blue' },
    },
  ],
});

type BatchOrder = z.output<typeof order>;

/** A batch of GenerateContent requests: half the price, done within a day. */
export const batchKind: JobKind<BatchOrder> = {
  name: 'batch',
  collection: 'batches',
  announcedBy: 'job',
  order,
  ...BATCH_OPERATION,

  submission: (given, { jobId, displayName, webhook }) => ({
    method: 'POST',
    path: `models/${given.model}:batchGenerateContent`,
    body: {
      batch: {
        displayName: displayNameOf(jobId, displayName),
        inputConfig: batchInput(given, 'fileName'),
        webhookConfig: webhook,
      },
    },
  }),
};
