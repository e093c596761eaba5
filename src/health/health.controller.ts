import { Controller, Get, HttpCode, Inject, Res } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Response } from 'express';
import { CONFIG, type Config } from '../config.js';
import { DedupeStore } from '../dedupe/dedupe-store.js';
import { PublishedLog } from '../log/published-log.js';
import { EventPublisher } from '../publisher/event-publisher.js';
import { SignatureVerifier } from '../signature/signature-verifier.js';
import { WebhookKeeper } from '../webhooks/webhook.keeper.js';
import type { TwoPortAdapter } from '../server/two-port.adapter.js';

/** For the probes of Kubernetes, on the internal port. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly publisher: EventPublisher,
    private readonly dedupe: DedupeStore,
    private readonly log: PublishedLog,
    private readonly verifier: SignatureVerifier,
    private readonly webhooks: WebhookKeeper,
    private readonly host: HttpAdapterHost<TwoPortAdapter>,
    @Inject(CONFIG) private readonly config: Config,
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
    const missing = this.missing();
    if (Object.keys(missing).length > 0) response.status(503);
    const status = response.statusCode === 200 ? 'ready' : 'not ready';
    return { status, ...missing, ...this.webhooks.notices };
  }

  private missing(): Record<string, string> {
    const found: Record<string, string> = {};
    if (this.host.httpAdapter.draining) found['shutdown'] = 'the process is about to end';
    if (this.publisher.unready) found['kafka'] = this.publisher.unready;
    if (this.log.unready) found['log'] = this.log.unready;
    if (this.verifier.unready) found['keys'] = this.verifier.unready;
    const { onError } = this.config.dedupe;
    if (this.dedupe.unready && onError === 'refuse')
      found['dedupe'] = this.dedupe.unready;
    return found;
  }
}
