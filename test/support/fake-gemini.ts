import type { GeminiConfig } from '../../src/config/config.js';
import type { GeminiRequest } from '../../src/gemini/gemini-request.js';
import { GeminiClient } from '../../src/gemini/gemini.client.js';

/** A double of the Gemini client that records requests and answers as the test chooses. */
export class FakeGemini extends GeminiClient {
  readonly asked: GeminiRequest[] = [];
  answer: (request: GeminiRequest) => Promise<unknown> = () =>
    Promise.resolve({ name: 'batches/77' });

  hasKey = true;

  constructor() {
    super({} as GeminiConfig);
  }

  override get configured(): boolean {
    return this.hasKey;
  }

  override send(request: GeminiRequest): Promise<unknown> {
    this.asked.push(request);
    return this.answer(request);
  }
}
