import { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';
import { startApp, type TestApp } from './app.js';

/** The application with an emulated Gemini. */
export interface EmulatedApp extends AsyncDisposable {
  readonly app: TestApp;
  readonly gemini: GeminiEmulator;
}

export async function startEmulatedApp(
  env: Record<string, string> = {},
): Promise<EmulatedApp> {
  const gemini = await GeminiEmulator.start();
  const app = await startApp({
    JWKS_URL: gemini.jwksUrl,
    GEMINI_URL: gemini.url,
    GEMINI_API_KEY: gemini.apiKey,
    ...env,
  });
  return {
    app,
    gemini,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await gemini.stop();
    },
  };
}
