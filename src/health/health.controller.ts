import { Controller, Get, HttpCode, Res } from '@nestjs/common';
import type { Response } from 'express';
import { WebhookReconciler } from '../webhooks/webhook.reconciler.js';
import { Readiness } from './readiness.js';

/** For the probes of Kubernetes, on the internal port. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly webhooks: WebhookReconciler,
  ) {}

  /** The process answers: nothing outside it can make a restart useful. */
  @Get('live')
  live(): object {
    return { status: 'live' };
  }

  /**
   * 503 while a delivery could not be answered 200; says what is missing. What is wrong with the
   * webhooks is said as well: another replica would not mend it.
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
