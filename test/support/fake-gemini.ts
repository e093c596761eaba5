import type { GeminiRequest } from '../../src/gemini/gemini-request.js';
import type { GeminiClient } from '../../src/gemini/gemini.client.js';

/** Stands for the Gemini API where only what is asked and answered matters. */
export class FakeGemini {
  configured = true;
  readonly asked: GeminiRequest[] = [];
  answer: (request: GeminiRequest) => Promise<unknown> = () =>
    Promise.resolve({ name: 'batches/77' });

  get asClient(): GeminiClient {
    return this as unknown as GeminiClient;
  }

  send(request: GeminiRequest): Promise<unknown> {
    this.asked.push(request);
    return this.answer(request);
  }
}
