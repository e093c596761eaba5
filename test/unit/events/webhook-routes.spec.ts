import { describe, expect, it } from '@jest/globals';
import {
  JOB_ROUTE,
  jobPath,
  jobTokenIn,
  STATIC_ROUTE,
} from '../../../src/events/webhook-routes.js';

describe('the webhook routes', () => {
  it('are those that Gemini was given', () => {
    expect(STATIC_ROUTE).toBe('/webhooks/gemini');
    expect(JOB_ROUTE).toBe('/webhooks/gemini/jobs/:token');
    expect(jobPath('t')).toBe('/webhooks/gemini/jobs/t');
  });
});

describe('jobTokenIn', () => {
  it.each(['t', 'eyJ.e30.A-_', '%2e%2e', 'x'.repeat(3000)])('finds %s', (token) => {
    expect(jobTokenIn(jobPath(token))).toBe(token);
  });

  it.each([
    STATIC_ROUTE,
    `${STATIC_ROUTE}/jobs`,
    `${STATIC_ROUTE}/jobs/`,
    `${STATIC_ROUTE}/jobs/a/b`,
    `/x${STATIC_ROUTE}/jobs/a`,
    '/WEBHOOKS/GEMINI/jobs/a',
  ])('finds none in %s', (path) => {
    expect(jobTokenIn(path)).toBeUndefined();
  });
});
