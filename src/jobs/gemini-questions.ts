import { GeminiClient } from '../gemini/gemini.client.js';
import { GeminiError } from '../gemini/gemini.error.js';
import type { GeminiRequest } from '../gemini/gemini-request.js';
import type { CallBudget } from './call-budget.js';

const TIMEOUT_MS = 15_000;
/** Where Gemini has enough and does not say for how long. */
const DEFAULT_PAUSE_SECONDS = 60;
/** Where it does not answer: each question costs a whole timeout. */
const SILENCE_PAUSE_MS = 5000;

/** No call is left of the budget: what was to be asked waits. */
export class BudgetSpentError extends Error {
  override readonly name = 'BudgetSpentError';
}

/** Questions that can be asked again: within the budget, and not while Gemini has enough of them. */
export class GeminiQuestions {
  constructor(
    private readonly gemini: GeminiClient,
    private readonly budget: CallBudget,
  ) {}

  /** @throws {GeminiError | BudgetSpentError} */
  async ask(request: GeminiRequest): Promise<unknown> {
    if (!this.budget.take()) throw new BudgetSpentError('no call is left for now');
    try {
      return await this.gemini.send(request, TIMEOUT_MS);
    } catch (error) {
      this.budget.pause(error instanceof GeminiError ? pauseAfter(error) : 0);
      throw error;
    }
  }
}

/** In ms. */
function pauseAfter({ status, retryAfterSeconds = DEFAULT_PAUSE_SECONDS }: GeminiError) {
  if (status === undefined) return SILENCE_PAUSE_MS;
  return status === 429 || status === 503 ? retryAfterSeconds * 1000 : 0;
}
