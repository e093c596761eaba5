import { Controller, Get, HttpCode, Res } from '@nestjs/common';
import type { Response } from 'express';
import { WebhookReconciler } from '../webhooks/webhook.reconciler.js';
import { Readiness } from './readiness.js';

/** Probes of Kubernetes, on the internal port. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly webhooks: WebhookReconciler,
  ) {}

  /** 200 while the process answers. It checks nothing outside, because a restart would not help. */
  @Get('live')
  live(): object {
    return { status: 'live' };
  }

  /**
   * 503 with the causes while deliveries cannot be answered 200. Problems with the webhooks are in
   * the answer but leave it 200, because another replica would have them as well.
   */
  @Get('ready')
  @HttpCode(200)
  ready(@Res({ passthrough: true }) response: Response): object {
    const { missing } = this.readiness;
    const isReady = Object.keys(missing).length === 0;
    if (!isReady) response.status(503);
    const status = isReady ? 'ready' : 'not ready';
    return { status, ...missing, ...this.webhooks.notices };
  }
}
