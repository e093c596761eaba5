import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { MetricsModule } from '../../infrastructure/metrics/metrics.module.js';
import { Authenticator } from './authenticator.js';
import { CallRate } from './caller-rate-limit.js';

/** Who may call the internal API; `protect()` puts it before a controller. */
@Module({
  imports: [MetricsModule],
  providers: [
    Authenticator,
    {
      provide: CallRate,
      inject: [CONFIG],
      useFactory: ({ access }: Config) => new CallRate(access.ratePerMinute),
    },
  ],
  // What the middleware needs in the module that applies it
  exports: [Authenticator, CallRate, MetricsModule],
})
export class AccessModule {}
