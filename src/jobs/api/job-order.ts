import { z } from 'zod';
import { JOB_KINDS } from '../job-kinds.js';
import type { JobKind } from '../job-kind.js';
import { invalidBody, type Fault } from '../../internal-api/problems/schema-faults.js';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import { RESERVED_METADATA } from '../correlation.js';
import { excessOf, type Json, type JsonBounds } from '../../infrastructure/json/json.js';

const MAX_METADATA_BYTES = 4096;
/**
 * Levels: far below what writing it as JSON has room for on the stack. Members: some hundred
 * milliseconds of work, in which no delivery is answered.
 */
const BOUNDS = { levels: 200, members: 500_000 };

const EXCESSES: Readonly<Record<keyof JsonBounds, string>> = {
  levels: `is nested more than ${BOUNDS.levels} levels deep`,
  members: `has more than ${BOUNDS.members} members: upload the requests as JSONL`,
};

/** What every submission has beside what its kind wants. */
const FRAME = {
  displayName: z
    .string()
    .min(1)
    .max(80)
    .optional()
    .describe("The job's id is put behind it, by which the job is found on Gemini"),
  metadata: z
    .record(z.string().max(128), z.unknown())
    .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= MAX_METADATA_BYTES, {
      message: `is longer than ${MAX_METADATA_BYTES} bytes as JSON`,
    })
    .refine((value) => RESERVED_METADATA.every((name) => !(name in value)), {
      message: `${RESERVED_METADATA.join(' and ')} are the bridge's own`,
    })
    .optional()
    .describe(
      `Comes back with the event. Up to ${MAX_METADATA_BYTES} bytes as JSON; ${RESERVED_METADATA.join(' and ')} are the bridge's own`,
    ),
  correlationId: z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, 'want 1-128 visible ASCII characters')
    .optional()
    .describe('Becomes a record header; a UUID when absent'),
};

type Frame = z.output<z.ZodObject<typeof FRAME>>;

/** A submission: what its kind wants, and the frame. */
export interface JobOrder extends Frame {
  readonly kind: JobKind;
  readonly metadata: Json;
  readonly order: { readonly model?: string };
}

/** What is known before the requests are uploaded: all of an order but its file. */
export interface UploadOrder {
  readonly displayName: string | undefined;
}

/** The whole body of `POST /v1/<collection>`, by kind. */
export const BODIES: ReadonlyMap<JobKind, z.ZodType> = new Map(
  JOB_KINDS.map((kind) => {
    const about = kind.order.meta() ?? {};
    return [kind, kind.order.safeExtend(FRAME).meta(about)];
  }),
);

/** Members of an order as a URL has them. @throws {ProblemException} 422 */
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
    throw notJob(kind, [{ path: ['file'], message: 'is what the body becomes' }]);
  }
  const { displayName } = parseSubmission(kind, {
    ...given,
    file: 'files/to-be-uploaded',
  });
  return { ...given, displayName };
}

/** Requests can be in a file, and so be uploaded. */
export function takesFile({ order }: JobKind): boolean {
  return 'file' in order.shape;
}

function parsedJson(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return text; // and is refused with the other faults
  }
}

/** @throws {ProblemException} 422 with every fault and where it is. */
export function parseSubmission(kind: JobKind, body: unknown): JobOrder {
  const excess = excessOf(body, BOUNDS);
  if (excess) throw notJob(kind, [{ path: [], message: EXCESSES[excess] }]);
  const parsed = (BODIES.get(kind) as z.ZodType<Frame & Json>).safeParse(body);
  if (parsed.success) {
    const { displayName, metadata = {}, correlationId, ...order } = parsed.data;
    return { kind, order, displayName, metadata, correlationId };
  }
  throw notJob(kind, parsed.error.issues);
}

function notJob({ name }: JobKind, faults: readonly Fault[]): ProblemException {
  return invalidBody(`the body is not a job of kind ${name}`, faults);
}
