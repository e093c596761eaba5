import { z } from 'zod';
import { PROBLEM_STATUSES, type ProblemCode } from './problem-codes.js';

const CODES = Object.keys(PROBLEM_STATUSES) as ProblemCode[];

/** What `ProblemFilter` answers: problem details of RFC 9457, with members of some codes. */
export const PROBLEM_DETAILS = z
  .object({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.int(),
    code: z.enum(CODES).describe('Stable'),
    detail: z.string().describe('For people'),
    errors: z
      .array(
        z.object({
          pointer: z.string().exactOptional().describe('Into the body (RFC 6901)'),
          parameter: z.string().exactOptional().describe('Of the query'),
          detail: z.string(),
        }),
      )
      .exactOptional(),
    id: z.string().exactOptional().describe('The job or the webhook that this is about'),
    scope: z.string().exactOptional().describe('What the caller lacks'),
    outputFile: z.string().exactOptional().describe('Where the result is'),
    geminiStatus: z.int().exactOptional().describe('What Gemini answered'),
    geminiMessage: z.string().exactOptional().describe('In its words'),
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
