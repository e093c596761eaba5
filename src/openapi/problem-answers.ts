import { STATUS_CODES } from 'node:http';
import {
  PROBLEM_STATUSES,
  type ProblemCode,
} from '../internal-api/problems/problem-codes.js';
import { reference } from './schemas.js';
import type { Answer, Header } from './openapi-objects.js';

const RETRY_AFTER: Header = {
  description: 'When to come back',
  schema: { type: 'integer', minimum: 0 },
};
const CHALLENGE: Header = {
  description: 'RFC 6750',
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

/** The answers with which an operation refuses, by status. */
export function problemAnswers(codes: readonly ProblemCode[]): Record<string, Answer> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    for (const status of PROBLEM_STATUSES[code]) {
      byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
    }
  }
  return Object.fromEntries(
    Array.from(byStatus, ([status, found]) => [String(status), answer(status, found)]),
  );
}

function answer(status: number, codes: readonly ProblemCode[]): Answer {
  const headers = HEADERS[status];
  const title = STATUS_CODES[status] ?? '';
  return {
    description: `${title}: ${codes.map((code) => `\`${code}\``).join(', ')}`,
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
          code: codes[0],
          detail: 'what is wrong, for people',
        },
      },
    },
  };
}
