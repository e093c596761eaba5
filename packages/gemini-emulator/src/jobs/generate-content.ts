import { batchKind } from './batch-kind.js';

/** `models/{model}:batchGenerateContent`. */
export const generateContent = batchKind({
  message: 'GenerateContentBatch',
  webhooks: true,
  respond: ({ id, model }, index) => ({
    candidates: [
      {
        content: { parts: [{ text: 'An emulated answer.' }], role: 'model' },
        finishReason: 'STOP',
        index: 0,
      },
    ],
    usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 4, totalTokenCount: 5 },
    modelVersion: model.replace('models/', ''),
    responseId: `${id}-${index}`,
  }),
});
