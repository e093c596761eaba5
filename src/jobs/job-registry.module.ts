import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { JobRegistry } from './job-registry.js';
import { MemoryJobRegistry } from './registry/memory.job-registry.js';
import { RedisJobRegistry } from './registry/redis.job-registry.js';

/** Provides the job registry: in Redis for several replicas, else in memory. */
@Module({
  providers: [{ provide: JobRegistry, inject: [CONFIG], useFactory: createRegistry }],
  exports: [JobRegistry],
})
export class JobRegistryModule {}

/** Without a Gemini key there are no jobs, so Redis is not asked for each delivery. */
export function createRegistry({ gemini, redis }: Config): JobRegistry {
  return redis && gemini.apiKey !== undefined
    ? new RedisJobRegistry(redis)
    : new MemoryJobRegistry();
}
