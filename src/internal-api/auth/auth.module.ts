import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { MetricsModule } from '../../infrastructure/metrics/metrics.module.js';
import { Authenticator } from './authenticator.js';
import { CallerRateLimit } from './caller-rate-limit.js';

/** Who may call the internal API; `protect()` puts it before a controller. */
@Module({
  imports: [MetricsModule],
  providers: [
    Authenticator,
    {
      provide: CallerRateLimit,
      inject: [CONFIG],
      useFactory: ({ access }: Config) => new CallerRateLimit(access.ratePerMinute),
    },
  ],
  // What the middleware needs in the module that applies it
  exports: [Authenticator, CallerRateLimit, MetricsModule],
})
export class AuthModule {}
