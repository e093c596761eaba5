import { Module } from '@nestjs/common';
import { JobRegistry } from './job-registry.js';
import { MemoryJobRegistry } from './memory.job-registry.js';

/** Binds the registry of our jobs. */
@Module({
  providers: [{ provide: JobRegistry, useFactory: () => new MemoryJobRegistry() }],
  exports: [JobRegistry],
})
export class RegistryModule {}
