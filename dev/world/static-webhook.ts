import { GoogleGenAI } from '@google/genai';
import type { GeminiEmulator } from '../gemini/emulator.js';

/** @returns the secret, which Gemini shows this once. */
export async function registerWebhook(
  gemini: GeminiEmulator,
  uri: string,
): Promise<string> {
  const sdk = new GoogleGenAI({
    apiKey: gemini.apiKey,
    httpOptions: { baseUrl: gemini.url },
  });
  const { new_signing_secret: secret } = await sdk.webhooks.create({
    name: 'bridge',
    uri,
    subscribed_events: [
      'batch.succeeded',
      'batch.failed',
      'batch.expired',
      'interaction.requires_action',
      'interaction.completed',
      'interaction.failed',
      'video.generated',
    ],
  });
  if (!secret) throw new Error('the emulator registered a webhook without a secret');
  return secret;
}
