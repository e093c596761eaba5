import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConfigModule } from '../config/config.module.js';
import type { Config } from '../config/config.js';

/** Finds a provider by its class. */
export type Provided = <T>(token: Type<T> | (abstract new (...given: never[]) => T)) => T;

/** The root of a command: the configuration and the one module that the command needs. */
@Module({})
class CommandModule {
  static of(config: Config, needed: Type): DynamicModule {
    return { module: CommandModule, imports: [ConfigModule.register(config), needed] };
  }
}

/**
 * Runs a command with the providers of a module of the bridge, and shuts them down.
 *
 * @throws {ConfigError} for credentials that a provider cannot parse.
 */
export async function withModule<T>(
  config: Config,
  needed: Type,
  work: (provided: Provided) => Promise<T>,
): Promise<T> {
  const context = await NestFactory.createApplicationContext(
    CommandModule.of(config, needed),
    { logger: false, abortOnError: false },
  );
  try {
    return await work((token) => context.get(token));
  } finally {
    await context.close();
  }
}
