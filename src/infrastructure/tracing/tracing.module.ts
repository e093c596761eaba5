import { Module } from '@nestjs/common';
import type { Config } from '../../config/config.js';
import { configToken } from '../../config/inject-config.js';
import { IdsOnly, Tracing } from './tracing.js';

/** Binds tracing. OpenTelemetry is loaded only when tracing is on. */
@Module({
  providers: [
    { provide: Tracing, inject: [configToken('tracing')], useFactory: createTracing },
  ],
  exports: [Tracing],
})
export class TracingModule {}

async function createTracing(tracing: Config['tracing']): Promise<Tracing> {
  if (tracing === 'off') return new IdsOnly();
  const { OpenTelemetry } = await import('./opentelemetry.js');
  return new OpenTelemetry(tracing);
}
