import { setTimeout as sleep } from 'node:timers/promises';
import type { GeminiEmulator } from '../../../gemini-emulator/src/emulator.js';

const LIMIT_MS = 30_000;

/** Resolves when the bridge has registered its static webhook. */
export async function registered(gemini: GeminiEmulator): Promise<void> {
  const deadlineMs = performance.now() + LIMIT_MS;
  while (gemini.webhooks.all().length === 0) {
    if (performance.now() > deadlineMs)
      throw new Error('the bridge registers no webhook');
    await sleep(20);
  }
}
