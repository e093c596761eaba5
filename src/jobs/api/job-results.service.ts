import { Injectable } from '@nestjs/common';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { GeminiError } from '../../gemini/gemini.error.js';
import { kindOf } from '../job-kinds.js';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import { JobRegistry } from '../job-registry.js';
import { hasEnded, type Job } from '../job.js';
import { geminiProblem } from '../../internal-api/problems/gemini-problem.js';
import { JobService } from './job.service.js';

const STATUS_TIMEOUT_MS = 15_000;

/** Opens the results of jobs at Gemini. */
@Injectable()
export class JobResults {
  constructor(
    private readonly gemini: GeminiClient,
    private readonly registry: JobRegistry,
    private readonly jobs: JobService,
  ) {}

  /**
   * @param range value of a `Range` header.
   * @returns Gemini's response, whose body is not read yet.
   * @throws {ProblemException} 404 without a result, 409 before the end of the job or if the result is
   *   not at Gemini, 416, and those of `geminiProblem`.
   */
  async open(
    id: string,
    range: string | undefined,
    signal: AbortSignal,
  ): Promise<Response> {
    const job = await this.jobs.find(id);
    if (!hasEnded(job)) {
      const headers = { 'Retry-After': '30' };
      const detail = `the job is ${job.state} and has no result yet`;
      throw new ProblemException(409, 'job-not-over', detail, headers);
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
    const outputFile = job.outputFile ?? (await this.fetchOutputFile(job, name));
    if (job.state !== 'succeeded' && outputFile === undefined) throw noResult(job);
    const request = kindOf(job).result(name, outputFile);
    if (request) return this.gemini.open(request, signal, range);
    const detail = 'the result is not at Gemini: outputFile has its URI';
    throw new ProblemException(409, 'result-elsewhere', detail, {}, { outputFile });
  }

  /** Asks Gemini for the file. The file name of an event is not used: it may be forged. */
  private async fetchOutputFile(job: Job, name: string): Promise<string | undefined> {
    const kind = kindOf(job);
    const { outputFile } = await this.gemini.ask(
      kind.statusRequest(name),
      STATUS_TIMEOUT_MS,
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
    return new ProblemException(404, 'no-result', 'Gemini has deleted the result');
  }
  if (error.status === 416) {
    return new ProblemException(
      416,
      'range-not-satisfiable',
      'the result is shorter than the range',
    );
  }
  return geminiProblem(error, { id: job.id });
}
