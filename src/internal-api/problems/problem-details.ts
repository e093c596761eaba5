import { z } from 'zod';
import { PROBLEM_STATUSES, type ProblemCode } from './problem-codes.js';

const CODES = Object.keys(PROBLEM_STATUSES) as ProblemCode[];

/** Schema of `ProblemFilter`'s answers: problem details (RFC 9457) with extension members. */
export const PROBLEM_DETAILS = z
  .object({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.int(),
    code: z.enum(CODES).describe('Stable: programs decide by this'),
    detail: z.string().describe('Text for a reader; it may change'),
    errors: z
      .array(
        z.object({
          pointer: z
            .string()
            .exactOptional()
            .describe('JSON Pointer into the body (RFC 6901)'),
          parameter: z.string().exactOptional().describe('Name of a query parameter'),
          detail: z.string(),
        }),
      )
      .exactOptional(),
    id: z.string().exactOptional().describe('Id of the job or webhook concerned'),
    scope: z.string().exactOptional().describe('The scope that the caller lacks'),
    outputFile: z.string().exactOptional().describe('URI of the result'),
    geminiStatus: z.int().exactOptional().describe('HTTP status of Gemini'),
    geminiMessage: z.string().exactOptional().describe('Error text of Gemini'),
  })
  .meta({
    description: 'Problem details, RFC 9457',
    examples: [
      {
        type: 'about:blank',
        title: 'Unprocessable Entity',
        status: 422,
        code: 'invalid-body',
        detail: 'the body is not a job of kind batch',
        errors: [{ pointer: '/model', detail: 'want the name of a model' }],
      },
    ],
  });
