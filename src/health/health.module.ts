import { Module } from '@nestjs/common';
import { DedupeModule } from '../dedupe/dedupe.module.js';
import { PublisherModule } from '../publisher/publisher.module.js';
import { HealthController } from './health.controller.js';

@Module({ imports: [DedupeModule, PublisherModule], controllers: [HealthController] })
export class HealthModule {}
