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
import { NeedsScope } from '../access/needed-scope.js';
import { principalOf } from '../access/principal.js';
import { JOB_KINDS } from '../kinds/job-kinds.js';
import { Problem } from '../problem/problem.js';
import { JobService } from './job.service.js';
import { parseOrder } from './job-order.js';
import { parseQuery } from './job-query.js';
import { viewOf } from './job-view.js';
import { JobSubmitter } from './job.submitter.js';

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** Jobs, for internal services. */
@Controller('v1')
export class JobController {
  constructor(
    private readonly submitter: JobSubmitter,
    private readonly jobs: JobService,
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

  /** 202: Gemini has taken the job, and its outcome will be on Kafka. */
  @Post(':collection')
  @NeedsScope('jobs:write')
  @HttpCode(202)
  async submit(
    @Param('collection') collection: string,
    @Body() body: unknown,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<object> {
    const kind = JOB_KINDS.find((each) => each.collection === collection);
    if (!kind) throw new Problem(404, 'not-found', 'there is no such kind of job');
    if (idempotencyKey !== undefined && !IDEMPOTENCY_KEY.test(idempotencyKey)) {
      const detail = 'Idempotency-Key: want 1-255 visible ASCII characters';
      throw new Problem(400, 'idempotency-key-malformed', detail);
    }
    const { job, isRepeat } = await this.submitter.submit(parseOrder(kind, body), {
      caller: principalOf(request).name,
      idempotencyKey,
    });
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
