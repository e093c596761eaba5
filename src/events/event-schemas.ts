import { z } from 'zod';

/** Schema of a Gemini event, for the documentation. The bridge itself reads only the envelope. */
export interface GeminiEventSchema {
  readonly summary: string;
  readonly schema: z.ZodType;
  readonly example: unknown;
}

const id = (example: string) =>
  z.string().describe(`Name or id of the job: \`${example}\`, or its last segment`);

const failure = {
  error_code: z.union([z.int(), z.string()]).exactOptional(),
  error_message: z.string().exactOptional(),
};

const BATCH = 'batches/tybwxqhz4r6ebk8xddto9hc2ixffld8wisdz';
const INTERACTION = 'interactions/v1_ChdQdGpoYXRYdkdDTHZqdWdQ';
const VIDEO = 'models/veo-3.0-generate-001/operations/k3v9x2m7q1w8';

/** @param types spellings of the type; the first is today's. */
function event(
  types: readonly [string, ...string[]],
  summary: string,
  data: z.ZodRawShape,
  exampleData: object,
): GeminiEventSchema {
  return {
    summary,
    schema: z.looseObject({
      type: z.enum(types),
      version: z.string().exactOptional(),
      timestamp: z.string().exactOptional().describe('RFC 3339'),
      data: z.looseObject(data),
    }),
    example: {
      type: types[0],
      version: 'v1',
      timestamp: '2026-11-24T05:12:31.042Z',
      data: exampleData,
    },
  };
}

/**
 * Gemini's events by type, as far as Google documents them. Gemini may add members, and may leave
 * out all but `type` and the job's id (docs/assumptions.md).
 */
export const GEMINI_EVENTS: Readonly<Record<string, GeminiEventSchema>> = {
  'batch.succeeded': event(
    ['batch.succeeded', 'batch.completed'],
    'A batch has succeeded',
    {
      id: id('batches/…'),
      output_file_uri: z
        .string()
        .exactOptional()
        .describe('File with the results, for a batch whose requests were in a file'),
    },
    { id: BATCH, output_file_uri: 'files/batch-tybwxqhz4r6e' },
  ),
  'batch.failed': event(
    ['batch.failed'],
    'A batch has failed',
    { id: id('batches/…'), ...failure },
    { id: BATCH, error_code: 3, error_message: 'The input file is not valid.' },
  ),
  'batch.expired': event(
    ['batch.expired'],
    'A batch was not done in time',
    { id: id('batches/…') },
    { id: BATCH },
  ),
  'batch.cancelled': event(
    ['batch.cancelled'],
    'A batch was cancelled',
    { id: id('batches/…') },
    { id: BATCH },
  ),
  'interaction.requires_action': event(
    ['interaction.requires_action'],
    'An interaction waits for an action of its submitter',
    { id: id('interactions/…') },
    { id: INTERACTION },
  ),
  'interaction.completed': event(
    ['interaction.completed'],
    'An interaction has succeeded',
    { id: id('interactions/…') },
    { id: INTERACTION },
  ),
  'interaction.failed': event(
    ['interaction.failed'],
    'An interaction has failed',
    { id: id('interactions/…'), ...failure },
    { id: INTERACTION, error_code: 13, error_message: 'Internal error.' },
  ),
  'interaction.cancelled': event(
    ['interaction.cancelled'],
    'An interaction was cancelled',
    { id: id('interactions/…') },
    { id: INTERACTION },
  ),
  'video.generated': event(
    ['video.generated'],
    'A video was generated',
    {
      id: id('models/…/operations/…')
        .exactOptional()
        .describe('Absent in the form of Google’s first samples, which have `file_id`'),
      output_file_uri: z.string().exactOptional(),
      file_name: z.string().exactOptional(),
      file_id: z.string().exactOptional(),
      video_uri: z.string().exactOptional(),
    },
    { id: VIDEO, output_file_uri: 'files/k3v9x2m7q1w8', file_name: 'files/k3v9x2m7q1w8' },
  ),
};

/** `batch.succeeded` is `BatchSucceededEvent`. */
export function geminiEventName(type: string): string {
  const words = type.split(/[._]/).map((word) => word[0]?.toUpperCase() + word.slice(1));
  return `${words.join('')}Event`;
}
