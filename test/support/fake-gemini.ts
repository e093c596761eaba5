import type { Config } from '../../src/config/config.js';
import type { GeminiRequest } from '../../src/gemini/gemini-request.js';
import { GeminiClient } from '../../src/gemini/gemini.client.js';

/** Stands for the Gemini API where only what is asked and answered matters. */
export class FakeGemini extends GeminiClient {
  readonly asked: GeminiRequest[] = [];
  answer: (request: GeminiRequest) => Promise<unknown> = () =>
    Promise.resolve({ name: 'batches/77' });

  hasKey = true;

  constructor() {
    super({ gemini: {} } as Config);
  }

  override get configured(): boolean {
    return this.hasKey;
  }

  override send(request: GeminiRequest): Promise<unknown> {
    this.asked.push(request);
    return this.answer(request);
  }
}
