import {
  Body,
  Controller,
  Get,
  Headers,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { NeedsScope } from '../../internal-api/auth/needed-scope.js';
import { principalOf } from '../../internal-api/auth/principal.js';
import type { JobKind } from '../job-kind.js';
import { JOB_KINDS } from '../job-kinds.js';
import { ProblemException } from '../../internal-api/problems/problem.exception.js';
import { parseTraceparent } from '../../infrastructure/tracing/traceparent.js';
import { traced, Tracing } from '../../infrastructure/tracing/tracing.js';
import { ResponseStream } from './response-stream.js';
import { JobResults } from './job-results.service.js';
import { JobService } from './job.service.js';
import { parseSubmission } from './job-order.js';
import { parseQuery } from './job-query.js';
import { viewOf } from '../job-view.js';
import { JobSubmitter } from '../submission/job.submitter.js';
import { JSONL, JobUploader } from '../submission/job.uploader.js';

export const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** REST API of jobs, on the internal port. */
@Controller('v1')
export class JobController {
  constructor(
    private readonly submitter: JobSubmitter,
    private readonly uploader: JobUploader,
    private readonly jobs: JobService,
    private readonly results: JobResults,
    private readonly tracing: Tracing,
  ) {}

  @Get('jobs')
  @NeedsScope('jobs:read')
  list(@Query() query: unknown): Promise<object> {
    return this.jobs.list(parseQuery(query));
  }

  @Get('jobs/:id')
  @NeedsScope('jobs:read')
  async find(@Param('id') id: string): Promise<object> {
    return viewOf(await this.jobs.find(id));
  }

  /** Asks Gemini to cancel. 202: the job's event shows later whether Gemini did. */
  @Post('jobs/:id/cancel')
  @NeedsScope('jobs:write')
  @HttpCode(202)
  async cancel(@Param('id') id: string): Promise<object> {
    return viewOf(await this.jobs.cancel(id));
  }

  /** Streams the output file, or Gemini's answer with inline results. */
  @Get('jobs/:id/result')
  @NeedsScope('jobs:read')
  async result(
    @Param('id') id: string,
    @Headers('range') range: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    const stream = new ResponseStream(response);
    await stream.relay(await this.results.open(id, range, stream.signal));
  }

  /**
   * Submits a job. 202: Gemini has accepted it. The body is JSON, or for batches the requests as
   * JSONL, with the other members in the query.
   */
  @Post(JOB_KINDS.map(({ collection }) => collection))
  @NeedsScope('jobs:write')
  @HttpCode(202)
  async submit(
    @Body() body: unknown,
    @Query() query: unknown,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Headers('traceparent') traceparent: string | undefined,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<object> {
    const kind = kindAt((request.route as { path: string }).path);
    if (idempotencyKey !== undefined && !IDEMPOTENCY_KEY.test(idempotencyKey)) {
      const detail = 'Idempotency-Key: want 1 to 255 visible ASCII characters';
      throw new ProblemException(400, 'idempotency-key-malformed', detail);
    }
    const span = this.tracing.start(`POST /v1/${kind.collection}`, {
      parent: parseTraceparent(traceparent) && traceparent,
      kind: 'server',
    });
    const caller = principalOf(request).name;
    const by = { caller, idempotencyKey, traceparent: span.traceparent };
    const { job, isRepeat } = await traced(span, () =>
      request.is(JSONL)
        ? this.uploader.submit(kind, query, request, by)
        : this.submitter.submit(parseSubmission(kind, body), by),
    );
    response.location(`/v1/jobs/${job.id}`);
    if (isRepeat) response.setHeader('Idempotency-Replayed', 'true');
    const { id, state, correlationId, geminiName, announcedBy, createdAt } = job;
    return {
      id,
      kind: job.kind,
      state,
      correlationId,
      geminiName,
      announcedBy,
      createdAt,
    };
  }
}

/** @param path path of the route. */
function kindAt(path: string): JobKind {
  const kind = JOB_KINDS.find(({ collection }) => path.endsWith(`/${collection}`));
  if (!kind) throw new Error(`no kind of job has the path ${path}`);
  return kind;
}
