import { Module } from '@nestjs/common';
import type { AccessConfig } from '../../config/config.js';
import { configToken } from '../../config/inject-config.js';
import { Metrics } from '../../infrastructure/metrics/metrics.js';
import { MetricsModule } from '../../infrastructure/metrics/metrics.module.js';
import { AUTH_FAULTS } from './auth.error.js';
import { Authenticator } from './authenticator.js';
import { CallerRateLimit } from './caller-rate-limit.js';

/** Authentication of the internal API. `protect()` puts it before a controller. */
@Module({
  imports: [MetricsModule],
  providers: [
    Authenticator,
    {
      provide: CallerRateLimit,
      inject: [configToken('access')],
      useFactory: ({ ratePerMinute }: AccessConfig) => new CallerRateLimit(ratePerMinute),
    },
  ],
  // The module that applies the middleware resolves its dependencies
  exports: [Authenticator, CallerRateLimit, MetricsModule],
})
export class AuthModule {
  constructor(metrics: Metrics) {
    metrics.zeroSeries(metrics.apiRefusals, 'reason', AUTH_FAULTS);
  }
}
