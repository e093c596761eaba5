import { Module } from '@nestjs/common';
import type { GeminiConfig, RedisAccess } from '../config/config.js';
import { configToken } from '../config/inject-config.js';
import { JobRegistry } from './job-registry.js';
import { MemoryJobRegistry } from './registry/memory.job-registry.js';
import { RedisJobRegistry } from './registry/redis.job-registry.js';

/** Provides the job registry: in Redis for several replicas, else in memory. */
@Module({
  providers: [
    {
      provide: JobRegistry,
      inject: [configToken('gemini'), configToken('redis')],
      useFactory: createRegistry,
    },
  ],
  exports: [JobRegistry],
})
export class JobRegistryModule {}

/** Without a Gemini key there are no jobs, so Redis is not asked for each delivery. */
export function createRegistry(
  gemini: GeminiConfig,
  redis: RedisAccess | undefined,
): JobRegistry {
  return redis && gemini.apiKey !== undefined
    ? new RedisJobRegistry(redis)
    : new MemoryJobRegistry();
}
