import { Injectable } from '@nestjs/common';
import type { JobsConfig } from '../../config/config.js';
import { InjectConfig } from '../../config/inject-config.js';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { GeminiError } from '../../gemini/gemini.error.js';
import type { GeminiRequest } from '../../gemini/gemini-request.js';
import { CallBudget, type Purpose } from './call-budget.js';

const TIMEOUT_MS = 15_000;
/** Pause after a 429 or 503 without `Retry-After`. */
const DEFAULT_PAUSE_SECONDS = 60;
/** Pause after a timeout: each call to a silent Gemini would cost another one. */
const SILENCE_PAUSE_MS = 5000;

/** The budget has no call left. The caller tries again later. */
export class BudgetSpentError extends Error {
  override readonly name = 'BudgetSpentError';
}

/** Reads from Gemini within the budget, and pauses while Gemini limits the calls. */
@Injectable()
export class RateLimitedGemini {
  private readonly budget: CallBudget;

  constructor(
    private readonly gemini: GeminiClient,
    @InjectConfig('jobs') { callsPerMinute }: JobsConfig,
  ) {
    this.budget = new CallBudget(callsPerMinute);
  }

  /** @throws {GeminiError | BudgetSpentError} */
  async ask<T>(
    purpose: Purpose,
    request: GeminiRequest,
    parse: (answer: unknown) => T,
  ): Promise<T> {
    if (!this.budget.tryAcquire(purpose)) {
      throw new BudgetSpentError(`no call to Gemini is left for ${purpose}`);
    }
    try {
      return await this.gemini.ask(request, TIMEOUT_MS, parse);
    } catch (error) {
      if (error instanceof GeminiError) this.budget.pause(purpose, pauseMs(error));
      throw error;
    }
  }
}

/** True if Gemini is unavailable or limits the calls, so that the same request can succeed later. */
export function isTransient({ status }: GeminiError): boolean {
  return status === undefined || status === 429 || status === 503;
}

function pauseMs(error: GeminiError): number {
  const { status, retryAfterSeconds = DEFAULT_PAUSE_SECONDS } = error;
  if (status === undefined) return SILENCE_PAUSE_MS;
  return isTransient(error) ? retryAfterSeconds * 1000 : 0;
}
