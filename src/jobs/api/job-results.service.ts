import { Injectable } from '@nestjs/common';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { GeminiError } from '../../gemini/gemini.error.js';
import { kindOf } from '../job-kinds.js';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import { JobRegistry } from '../job-registry.js';
import { hasEnded, type Job } from '../job.js';
import { geminiProblem } from '../../internal-api/problems/gemini-problem.js';
import { JobService } from './job.service.js';

const LOOK_TIMEOUT_MS = 15_000;

/** What came of a job, as Gemini has it. */
@Injectable()
export class JobResults {
  constructor(
    private readonly gemini: GeminiClient,
    private readonly registry: JobRegistry,
    private readonly jobs: JobService,
  ) {}

  /**
   * @param range of the bytes of a file, as in an HTTP header.
   * @returns Gemini's answer, whose body is still to be read.
   * @throws {ProblemException} 404, 409 while the job is not over or where its result is not at Gemini,
   *   416, and what Gemini says.
   */
  async open(
    id: string,
    range: string | undefined,
    signal: AbortSignal,
  ): Promise<Response> {
    const job = await this.jobs.find(id);
    if (!hasEnded(job)) {
      const later = { 'Retry-After': '30' };
      throw new ProblemException(409, 'job-not-over', `the job is ${job.state}`, later);
    }
    if (job.geminiName === undefined) throw noResult(job);
    try {
      return await this.openOutput(job, job.geminiName, range, signal);
    } catch (error) {
      throw error instanceof GeminiError ? resultProblem(job, error) : error;
    }
  }

  private async openOutput(
    job: Job,
    name: string,
    range: string | undefined,
    signal: AbortSignal,
  ): Promise<Response> {
    const outputFile = job.outputFile ?? (await this.outputFile(job, name));
    if (job.state !== 'succeeded' && outputFile === undefined) throw noResult(job);
    const request = kindOf(job).result(name, outputFile);
    if (request) return this.gemini.open(request, signal, range);
    const detail = 'Gemini says of the result only where it is: see outputFile';
    throw new ProblemException(409, 'result-elsewhere', detail, {}, { outputFile });
  }

  /** An event names it, but only what Gemini is asked for is believed. */
  private async outputFile(job: Job, name: string): Promise<string | undefined> {
    const kind = kindOf(job);
    const { outputFile } = await this.gemini.ask(
      kind.statusRequest(name),
      LOOK_TIMEOUT_MS,
      (answer) => kind.parseStatus(answer),
    );
    if (outputFile !== undefined) {
      await this.registry.updateJob(job.id, (now) => ({ ...now, outputFile }));
    }
    return outputFile;
  }
}

function noResult({ state }: Job): ProblemException {
  return new ProblemException(404, 'no-result', `the job is ${state} and has no result`);
}

function resultProblem(job: Job, error: GeminiError): ProblemException {
  if (error.status === 404) {
    return new ProblemException(
      404,
      'no-result',
      'Gemini does not have the result any more',
    );
  }
  if (error.status === 416) {
    return new ProblemException(416, 'range-not-satisfiable', 'the result is shorter');
  }
  return geminiProblem(error, { id: job.id });
}
