import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { json } from 'express';
import { AccessModule } from '../access/access.module.js';
import { protect } from '../access/protect.js';
import { GeminiModule } from '../gemini/gemini.module.js';
import { RegistryModule } from '../registry/registry.module.js';
import { SignatureModule } from '../signature/signature.module.js';
import { JobController } from './job.controller.js';
import { JobService } from './job.service.js';

/** Gemini takes inline batches up to 20 MB. */
const MAX_BODY_BYTES = 20 * 1024 * 1024;

/** Jobs out; their webhooks come back through `bridge/`. */
@Module({
  imports: [AccessModule, GeminiModule, RegistryModule, SignatureModule],
  controllers: [JobController],
  providers: [JobService],
})
export class JobsModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    protect(consumer, [JobController], json({ limit: MAX_BODY_BYTES }));
  }
}
