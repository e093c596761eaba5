import { z } from 'zod';
import { Problem } from '../problem/problem.js';

const MAX_METADATA_BYTES = 4096;

/** Body of `POST /v1/batches`. */
const batchRequest = z.strictObject({
  /** With or without `models/`. */
  model: z
    .string()
    .regex(/^(models\/)?[A-Za-z0-9._-]{1,128}$/, 'want the name of a model'),
  displayName: z.string().min(1).max(128).optional(),
  requests: z
    .array(
      z.strictObject({
        key: z.string().min(1).max(256).optional(),
        /** A GenerateContentRequest. */
        request: z.looseObject({ contents: z.array(z.unknown()).min(1) }),
      }),
    )
    .min(1)
    .max(10_000),
  metadata: z
    .record(z.string().max(128), z.json())
    .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= MAX_METADATA_BYTES, {
      message: `is longer than ${MAX_METADATA_BYTES} bytes as JSON`,
    })
    .default({}),
  /** Becomes a record header. */
  correlationId: z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, 'want 1-128 visible ASCII characters')
    .optional(),
});

export type BatchRequest = z.output<typeof batchRequest>;

/** @throws {Problem} 422 with every fault and where it is. */
export function parseBatchRequest(body: unknown): BatchRequest {
  const parsed = batchRequest.safeParse(body);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => ({
    pointer: `/${path.join('/')}`,
    detail: message,
  }));
  throw new Problem(
    422,
    'invalid-body',
    'the body is not a batch',
    {},
    { errors: faults },
  );
}
