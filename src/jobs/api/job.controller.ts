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

/** Jobs, for internal services. */
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

  /** 202: Gemini was asked; the job's webhook tells what became of it. */
  @Post('jobs/:id/cancel')
  @NeedsScope('jobs:write')
  @HttpCode(202)
  async cancel(@Param('id') id: string): Promise<object> {
    return viewOf(await this.jobs.cancel(id));
  }

  /** The output file, or Gemini's answer that holds the results, as it comes. */
  @Get('jobs/:id/result')
  @NeedsScope('jobs:read')
  async result(
    @Param('id') id: string,
    @Headers('range') range: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    const flow = new ResponseStream(response);
    await flow.pass(await this.results.open(id, range, flow.signal));
  }

  /**
   * 202: Gemini has taken the job, and its outcome will be on Kafka. The requests of a batch can
   * also be the body, as JSONL; the rest is in the query then.
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
      const detail = 'Idempotency-Key: want 1-255 visible ASCII characters';
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

/** @param path as it was registered. */
function kindAt(path: string): JobKind {
  const kind = JOB_KINDS.find(({ collection }) => path.endsWith(`/${collection}`));
  if (!kind) throw new Error(`no kind of job is at ${path}`);
  return kind;
}
