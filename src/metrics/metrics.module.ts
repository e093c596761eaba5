import { Controller, Get, Header, Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { fromZero } from './from-zero.js';
import { Metrics } from './metrics.js';

/** `GET /metrics` on the internal port, in Prometheus's text format. */
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  show(): Promise<string> {
    return this.metrics.registry.metrics();
  }
}

@Module({
  controllers: [MetricsController],
  providers: [
    {
      provide: Metrics,
      inject: [CONFIG],
      useFactory: (config: Config) => fromZero(new Metrics(), config),
    },
  ],
  exports: [Metrics],
})
export class MetricsModule {}
