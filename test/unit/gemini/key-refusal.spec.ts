import { describe, expect, it } from '@jest/globals';
import { keyRefusal } from '../../../src/gemini/key-refusal.js';

const answer = (message: string, reason?: string) =>
  JSON.stringify({ error: { message, ...(reason && { details: [{ reason }] }) } });

describe('keyRefusal', () => {
  it.each([
    [400, 'API_KEY_INVALID'],
    [403, 'API_KEY_SERVICE_BLOCKED'],
    [403, 'SERVICE_DISABLED'],
    [401, 'CREDENTIALS_MISSING'],
    [401, undefined],
  ])('names the setting and repeats the words of a %i with %s', (status, reason) => {
    expect(keyRefusal(status, answer('API key not valid.', reason))).toBe(
      `GEMINI_API_KEY: Gemini refuses the key (${status}): API key not valid.`,
    );
  });

  it('does without words', () => {
    expect(keyRefusal(401, '<html>')).toMatch(/^GEMINI_API_KEY: .*no reason$/);
    expect(keyRefusal(401, answer('x'.repeat(1000)))?.length).toBeLessThan(400);
  });

  it.each([
    [400, answer('Unknown field "prompt: my secret"', 'BAD_REQUEST')],
    [403, answer('You have no permission to access the File abc.')],
    [404, answer('not found')],
    [500, '{}'],
    [400, 'null'],
  ])('leaves %i %s alone', (status, text) => {
    expect(keyRefusal(status, text)).toBeUndefined();
  });
});
