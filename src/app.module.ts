import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ReceiverModule } from './receiver/receiver.module.js';
import type { Config } from './config/config.js';
import { ConfigModule } from './config/config.module.js';
import { JOB_API } from './jobs/api/job.openapi.js';
import { OpenApiModule } from './internal-api/openapi/openapi.module.js';
import { WEBHOOK_API } from './webhooks/api/webhook.openapi.js';
import { HealthModule } from './health/health.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { MetricsModule } from './infrastructure/metrics/metrics.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';
import { ProblemFilter } from './internal-api/problems/problem.filter.js';

/** Composition root: it only names the features. */
@Module({})
export class AppModule {
  static register(config: Config): DynamicModule {
    return {
      module: AppModule,
      providers: [{ provide: APP_FILTER, useClass: ProblemFilter }],
      imports: [
        ConfigModule.register(config),
        ReceiverModule,
        JobsModule,
        WebhooksModule,
        OpenApiModule.register([JOB_API, WEBHOOK_API]),
        HealthModule,
        MetricsModule,
      ],
    };
  }
}
