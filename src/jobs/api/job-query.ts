import { z } from 'zod';
import { JOB_KINDS } from '../job-kinds.js';
import { invalidQuery } from '../../internal-api/problems/schema-faults.js';
import type { JobQuery } from '../job-registry.js';
import { JOB_STATES } from '../job.js';

const KIND_NAMES = JOB_KINDS.map(({ name }) => name);
export const METADATA = 'metadata.';

/** Query of `GET /v1/jobs`, except the filters `metadata.<name>=<value>`. */
export const QUERY = z.looseObject({
  state: z.enum(JOB_STATES).optional(),
  kind: z.enum(KIND_NAMES).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z
    .string()
    .regex(/^[0-9a-f-]{36}$/, 'want the nextCursor of a page')
    .optional()
    .describe('`nextCursor` of the page before'),
});

const UNKNOWN_FILTER = `is not a filter: want ${Object.keys(QUERY.shape).join(', ')} or ${METADATA}<name>`;

/** @throws {ProblemException} 400 */
export function parseQuery(query: unknown): JobQuery {
  const parsed = QUERY.safeParse(query);
  if (!parsed.success) throw invalidQuery(parsed.error.issues);
  const { state, kind, limit, cursor, ...rest } = parsed.data;
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(rest)) {
    if (!name.startsWith(METADATA) || typeof value !== 'string') {
      throw invalidQuery([{ path: [name], message: UNKNOWN_FILTER }]);
    }
    metadata[name.slice(METADATA.length)] = value;
  }
  return {
    limit,
    metadata,
    ...(state === undefined ? {} : { state }),
    ...(kind === undefined ? {} : { kind }),
    ...(cursor === undefined ? {} : { before: cursor }),
  };
}
