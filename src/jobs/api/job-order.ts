import { z } from 'zod';
import { JOB_KINDS } from '../job-kinds.js';
import type { JobKind } from '../job-kind.js';
import { invalidBody, type Fault } from '../../internal-api/problems/schema-faults.js';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import { RESERVED_METADATA } from '../correlation.js';
import { excessOf, type Json, type JsonBounds } from '../../infrastructure/json/json.js';

const MAX_METADATA_BYTES = 4096;
/**
 * Bounds of a body. `levels`: `JSON.stringify` recurses and needs stack for each level. `members`:
 * this many take some hundred milliseconds, in which the process answers no delivery.
 */
const BOUNDS = { levels: 200, members: 500_000 };

const EXCESSES: Readonly<Record<keyof JsonBounds, string>> = {
  levels: `is nested more than ${BOUNDS.levels} levels deep`,
  members: `has more than ${BOUNDS.members} members: upload the requests as JSONL`,
};

/** Members of every submission, whatever its kind. */
const FRAME = {
  displayName: z
    .string()
    .min(1)
    .max(80)
    .optional()
    .describe("Name at Gemini. The bridge appends the job's id, to find the job there"),
  metadata: z
    .record(z.string().max(128), z.unknown())
    .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= MAX_METADATA_BYTES, {
      message: `want at most ${MAX_METADATA_BYTES} bytes as JSON`,
    })
    .refine((value) => RESERVED_METADATA.every((name) => !(name in value)), {
      message: `want no ${RESERVED_METADATA.join(' and no ')}: the bridge sets them`,
    })
    .optional()
    .describe(
      `Any JSON object up to ${MAX_METADATA_BYTES} bytes, without ${RESERVED_METADATA.join(' and ')}. The records of the job have it in a header`,
    ),
  correlationId: z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, 'want 1-128 visible ASCII characters')
    .optional()
    .describe('Header `correlation-id` of all records of the job; a UUID if absent'),
};

type Frame = z.output<z.ZodObject<typeof FRAME>>;

/** A validated submission. */
export interface JobOrder extends Frame {
  readonly kind: JobKind;
  readonly metadata: Json;
  readonly order: { readonly model?: string };
}

/** An order before its requests are uploaded, so without a file. */
export interface UploadOrder {
  readonly displayName: string | undefined;
}

/** Schema of the body of `POST /v1/<collection>`, by kind. */
export const BODIES: ReadonlyMap<JobKind, z.ZodType> = new Map(
  JOB_KINDS.map((kind) => {
    const about = kind.order.meta() ?? {};
    return [kind, kind.order.safeExtend(FRAME).meta(about)];
  }),
);

/** Parses the query of an upload. @throws {ProblemException} 415 for a kind without files, 422 */
export function parseUploadOrder(kind: JobKind, query: unknown): UploadOrder {
  if (!takesFile(kind)) {
    const detail = `a job of kind ${kind.name} has no requests to upload`;
    throw new ProblemException(415, 'unsupported-media-type', detail);
  }
  const { metadata, ...others } = query as Readonly<Record<string, unknown>>;
  const given = {
    ...others,
    ...(metadata !== undefined && { metadata: parsedJson(metadata) }),
  };
  if ('file' in others) {
    throw invalidOrder(kind, [
      {
        path: ['file'],
        message: 'want no file: the bridge uploads the body as the file',
      },
    ]);
  }
  const { displayName } = parseSubmission(kind, {
    ...given,
    file: 'files/to-be-uploaded',
  });
  return { ...given, displayName };
}

/** True if the requests of this kind can be uploaded as a file. */
export function takesFile({ order }: JobKind): boolean {
  return 'file' in order.shape;
}

function parsedJson(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    // The schema refuses the text, together with the other faults
    return text;
  }
}

/** @throws {ProblemException} 422 with every fault and its place. */
export function parseSubmission(kind: JobKind, body: unknown): JobOrder {
  const excess = excessOf(body, BOUNDS);
  if (excess) throw invalidOrder(kind, [{ path: [], message: EXCESSES[excess] }]);
  const parsed = (BODIES.get(kind) as z.ZodType<Frame & Json>).safeParse(body);
  if (parsed.success) {
    const { displayName, metadata = {}, correlationId, ...order } = parsed.data;
    return { kind, order, displayName, metadata, correlationId };
  }
  throw invalidOrder(kind, parsed.error.issues);
}

function invalidOrder({ name }: JobKind, faults: readonly Fault[]): ProblemException {
  return invalidBody(`the body is not a job of kind ${name}`, faults);
}
