import { z } from 'zod';
import { fileName, modelName, requestKey } from './order-fields.js';

const MAX_REQUESTS = 10_000;

/** Schema of a batch: a model, and either requests or an uploaded file. */
export function batchOrder<Request extends z.ZodType>(request: Request) {
  return z
    .strictObject({
      model: modelName,
      requests: z
        .array(z.strictObject({ key: requestKey.optional(), request }))
        .min(1)
        .max(MAX_REQUESTS)
        .optional(),
      file: fileName.optional(),
    })
    .refine(({ requests, file }) => (requests === undefined) !== (file === undefined), {
      message: 'want either requests or file',
      path: ['requests'],
    });
}

/** The same choice as JSON Schema, for `meta()`: Zod cannot convert a refinement. */
export const ONE_INPUT = {
  oneOf: [{ required: ['requests'] }, { required: ['file'] }],
};

interface Input {
  readonly requests?:
    readonly { key?: string | undefined; request: unknown }[] | undefined;
  readonly file?: string | undefined;
}

/** The `inputConfig` of Gemini's API. @param fileMember its name for the file. */
export function batchInput({ requests = [], file }: Input, fileMember: string): object {
  if (file !== undefined) return { [fileMember]: file };
  const keyed = requests.map(({ key, request }) => ({
    request,
    ...(key === undefined ? {} : { metadata: { key } }),
  }));
  return { requests: { requests: keyed } };
}
