import { Body, Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import type { Response } from 'express';
import { NeedsScope } from '../access/needed-scope.js';
import type { KnownJob } from '../registry/job-registry.js';
import { parseBatchRequest } from './batch-request.js';
import { JobService } from './job.service.js';

/** Jobs, for internal services. */
@Controller('v1')
export class JobController {
  constructor(private readonly jobs: JobService) {}

  /** 202: Gemini has taken the batch, and its outcome will be on Kafka. */
  @Post('batches')
  @NeedsScope('jobs:write')
  @HttpCode(202)
  async submitBatch(
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<object> {
    const job = await this.jobs.submitBatch(parseBatchRequest(body));
    response.location(`/v1/jobs/${job.id}`);
    const { id, kind, state, correlationId, geminiName, createdAt } = job;
    return { id, kind, state, correlationId, geminiName, createdAt };
  }

  @Get('jobs/:id')
  @NeedsScope('jobs:read')
  find(@Param('id') id: string): Promise<KnownJob> {
    return this.jobs.find(id);
  }
}
