import { GoogleGenAI } from '@google/genai';
import type { GeminiEmulator } from '../src/emulator.js';
import { lendDispatcherToSdk } from '../src/sdk-dispatcher.js';

lendDispatcherToSdk();

export const MODEL = 'gemini-flash-latest';

/** Keeps the SDK from repeating calls. */
export const ONCE = { maxRetries: 0 };

/** The official SDK as a client of the emulator. */
export function sdk(emulator: GeminiEmulator, apiKey = emulator.apiKey): GoogleGenAI {
  return new GoogleGenAI({ apiKey, httpOptions: { baseUrl: emulator.url } });
}
