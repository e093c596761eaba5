import type { GeminiEmulator } from '../../../gemini-emulator/src/emulator.js';
import { until } from '../until.js';

/** Resolves when the bridge has registered its static webhook. */
export async function webhookRegistered(gemini: GeminiEmulator): Promise<void> {
  await until('the bridge to register its webhook', () => gemini.webhooks.all()[0]);
}
