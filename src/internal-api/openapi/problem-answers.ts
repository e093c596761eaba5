import { STATUS_CODES } from 'node:http';
import {
  PROBLEM_CAUSES,
  PROBLEM_STATUSES,
  type ProblemCode,
} from '../problems/problem-codes.js';
import { reference } from './json-schema.js';
import type { Answer, Header } from './openapi-objects.js';

const RETRY_AFTER: Header = {
  description: 'Seconds after which a repeat can succeed',
  schema: { type: 'integer', minimum: 0 },
};
const CHALLENGE: Header = {
  description: 'Challenge of RFC 6750',
  required: true,
  schema: { type: 'string' },
};

const HEADERS: Readonly<Record<number, Record<string, Header>>> = {
  401: { 'WWW-Authenticate': CHALLENGE },
  403: { 'WWW-Authenticate': CHALLENGE },
  409: { 'Retry-After': RETRY_AFTER },
  429: { 'Retry-After': { ...RETRY_AFTER, required: true } },
  503: { 'Retry-After': RETRY_AFTER },
};

/** Error answers of an operation, by status. */
export function problemAnswers(codes: readonly ProblemCode[]): Record<string, Answer> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    for (const status of PROBLEM_STATUSES[code]) {
      byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
    }
  }
  return Object.fromEntries(
    Array.from(byStatus, ([status, found]) => [String(status), answerOf(status, found)]),
  );
}

function answerOf(status: number, codes: readonly ProblemCode[]): Answer {
  const headers = HEADERS[status];
  const title = STATUS_CODES[status] ?? '';
  const [code] = codes as [ProblemCode];
  return {
    description: codes.map((each) => `\`${each}\`: ${PROBLEM_CAUSES[each]}`).join('\n\n'),
    ...(headers && { headers }),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            reference('Problem'),
            {
              type: 'object',
              properties: { status: { const: status }, code: { enum: [...codes] } },
            },
          ],
        },
        example: {
          type: 'about:blank',
          title,
          status,
          code,
          detail: PROBLEM_CAUSES[code],
        },
      },
    },
  };
}
