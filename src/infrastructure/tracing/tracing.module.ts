import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../../config/config.js';
import { IdsOnly, Tracing } from './tracing.js';

/** Binds tracing. OpenTelemetry is loaded only when tracing is on. */
@Module({
  providers: [{ provide: Tracing, inject: [CONFIG], useFactory: createTracing }],
  exports: [Tracing],
})
export class TracingModule {}

async function createTracing({ tracing }: Config): Promise<Tracing> {
  if (tracing === 'off') return new IdsOnly();
  const { OpenTelemetry } = await import('./opentelemetry.js');
  return new OpenTelemetry(tracing);
}
