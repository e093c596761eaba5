import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { GeminiError } from '../../gemini/gemini.error.js';
import type { GeminiRequest } from '../../gemini/gemini-request.js';
import { CallBudget, type Purpose } from './call-budget.js';

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
@Injectable()
export class RateLimitedGemini {
  private readonly budget: CallBudget;

  constructor(
    private readonly gemini: GeminiClient,
    @Inject(CONFIG) { jobs: { callsPerMinute } }: Config,
  ) {
    this.budget = new CallBudget(callsPerMinute);
  }

  /** @throws {GeminiError | BudgetSpentError} */
  async ask<T>(
    purpose: Purpose,
    request: GeminiRequest,
    read: (answer: unknown) => T,
  ): Promise<T> {
    if (!this.budget.tryAcquire(purpose))
      throw new BudgetSpentError('no call is left for now');
    try {
      return await this.gemini.ask(request, TIMEOUT_MS, read);
    } catch (error) {
      if (error instanceof GeminiError) this.budget.pause(purpose, pauseAfter(error));
      throw error;
    }
  }
}

/** Whether it is Gemini that has trouble, and not the question. */
export function isPassing({ status }: GeminiError): boolean {
  return status === undefined || status === 429 || status === 503;
}

/** In ms. */
function pauseAfter(error: GeminiError): number {
  const { status, retryAfterSeconds = DEFAULT_PAUSE_SECONDS } = error;
  if (status === undefined) return SILENCE_PAUSE_MS;
  return isPassing(error) ? retryAfterSeconds * 1000 : 0;
}
