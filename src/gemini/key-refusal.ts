import { z } from 'zod';

const refusal = z.object({
  error: z.object({
    message: z.string(),
    details: z.array(z.object({ reason: z.string().optional() })).default([]),
  }),
});

const MAX_LENGTH = 300;
/** Reasons of Google's ErrorInfo that are about the key or its project, not about the request. */
const OF_THE_KEY =
  /^(API_KEY_|SERVICE_DISABLED$|CONSUMER_|BILLING_DISABLED$|ACCESS_TOKEN_|CREDENTIALS_)/;

/**
 * The setting and Gemini's own words, where an answer refuses the key. These words do not quote the
 * request, so a log may hold them.
 *
 * @returns undefined for an answer that is not about the key.
 * @see https://cloud.google.com/apis/design/errors#error_info
 */
export function keyRefusal(status: number, text: string): string | undefined {
  const { error } = refusalIn(text) ?? {};
  const isOfKey = error?.details.some(({ reason = '' }) => OF_THE_KEY.test(reason));
  if (!isOfKey && status !== 401) return undefined;
  const words = error?.message.slice(0, MAX_LENGTH) ?? 'it gives no reason';
  return `GEMINI_API_KEY: Gemini refuses the key (${status}): ${words}`;
}

function refusalIn(text: string): z.output<typeof refusal> | undefined {
  try {
    return refusal.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
