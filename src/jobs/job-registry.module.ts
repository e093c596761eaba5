import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { JobRegistry } from './job-registry.js';
import { MemoryJobRegistry } from './registry/memory.job-registry.js';
import { RedisJobRegistry } from './registry/redis.job-registry.js';

/** Binds the registry of our jobs. */
@Module({
  providers: [{ provide: JobRegistry, inject: [CONFIG], useFactory: createRegistry }],
  exports: [JobRegistry],
})
export class JobRegistryModule {}

/** A bridge that submits nothing has no jobs to remember. */
export function createRegistry({ gemini, redis }: Config): JobRegistry {
  return redis && gemini.apiKey !== undefined
    ? new RedisJobRegistry(redis)
    : new MemoryJobRegistry();
}
