import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Patch,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import type { Response } from 'express';
import { NeedsScope } from '../../internal-api/auth/needed-scope.js';
import {
  NEW_WEBHOOK,
  parseBody,
  parsePageQuery,
  ROTATION,
  WEBHOOK_CHANGE,
} from './webhook-order.js';
import { WebhookService } from '../webhook.service.js';

/** The administration of the project's static webhooks. */
@Controller('v1/webhooks')
@NeedsScope('webhooks:admin')
export class WebhookController {
  constructor(private readonly webhooks: WebhookService) {}

  @Get()
  list(@Query() query: unknown): Promise<object> {
    const { limit, cursor } = parsePageQuery(query);
    return this.webhooks.list(cursor, limit);
  }

  @Get(':id')
  get(@Param('id') id: string): Promise<object> {
    return this.webhooks.get(id);
  }

  /** 201: the secret is stored, and every replica verifies with it. */
  @Post()
  async create(
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<object> {
    const webhook = await this.webhooks.create(parseBody(NEW_WEBHOOK, body));
    response.location(`/v1/webhooks/${webhook.id}`);
    return webhook;
  }

  @Patch(':id')
  update(@Param('id') id: string, @Body() body: unknown): Promise<object> {
    return this.webhooks.update(id, parseBody(WEBHOOK_CHANGE, body));
  }

  @Delete(':id')
  @HttpCode(204)
  delete(@Param('id') id: string): Promise<void> {
    return this.webhooks.delete(id);
  }

  @Post(':id/rotate')
  @HttpCode(200)
  rotate(@Param('id') id: string, @Body() body: unknown): Promise<object> {
    const { revocationBehavior, force } = parseBody(ROTATION, body);
    const revokes = revocationBehavior === 'revoke_previous_secrets_immediately';
    return this.webhooks.rotate(id, { revokes, force });
  }

  /** 202: Gemini sends a ping later. */
  @Post(':id/ping')
  @HttpCode(202)
  async ping(@Param('id') id: string): Promise<object> {
    await this.webhooks.ping(id);
    return { status: 'accepted' };
  }
}
