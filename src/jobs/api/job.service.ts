import { Injectable } from '@nestjs/common';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { GeminiError } from '../../gemini/gemini.error.js';
import { kindOf } from '../job-kinds.js';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import { JobRegistry, type JobQuery } from '../job-registry.js';
import { hasEnded, type Job } from '../job.js';
import { geminiProblem } from '../../internal-api/problems/gemini-problem.js';
import { viewOf } from '../job-view.js';

const CANCEL_TIMEOUT_MS = 15_000;

/** Finds, lists and cancels jobs. */
@Injectable()
export class JobService {
  constructor(
    private readonly gemini: GeminiClient,
    private readonly registry: JobRegistry,
  ) {}

  /** @throws {ProblemException} 404 */
  async find(id: string): Promise<Job> {
    const job = await this.registry.find(id);
    if (!job) throw new ProblemException(404, 'job-not-found', 'there is no such job');
    return job;
  }

  async list(query: JobQuery): Promise<object> {
    const { jobs, next } = await this.registry.list(query);
    return {
      jobs: jobs.map(viewOf),
      ...(next === undefined ? {} : { nextCursor: next }),
    };
  }

  /**
   * Asks Gemini to cancel the job, and makes it due for a poll one second later.
   *
   * @throws {ProblemException} 404, 409 for a job that has ended or has no name yet, and those of
   *   `geminiProblem`.
   */
  async cancel(id: string): Promise<Job> {
    const job = await this.find(id);
    if (hasEnded(job)) {
      const detail = `the job has ended: it is ${job.state}`;
      throw new ProblemException(409, 'job-over', detail);
    }
    if (job.geminiName === undefined) {
      const detail = 'Gemini has not confirmed the job yet';
      throw new ProblemException(409, 'job-unsettled', detail, { 'Retry-After': '5' });
    }
    try {
      await this.gemini.send(kindOf(job).cancellation(job.geminiName), CANCEL_TIMEOUT_MS);
    } catch (error) {
      if (error instanceof GeminiError) throw geminiProblem(error);
      throw error;
    }
    const soon = Date.now() + 1000;
    const changed = await this.registry.updateJob(id, (now) =>
      hasEnded(now) ? now : { ...now, dueAt: Math.min(now.dueAt ?? soon, soon) },
    );
    return changed ?? job;
  }
}
