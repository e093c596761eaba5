import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { Config } from './config.js';
import { configToken } from './inject-config.js';

/** Makes each slice of the configuration injectable everywhere; the only global module. */
@Global()
@Module({})
export class ConfigModule {
  static register(config: Config): DynamicModule {
    const providers = (Object.keys(config) as (keyof Config)[]).map((slice) => ({
      provide: configToken(slice),
      useFactory: () => config[slice], // a slice may be undefined
    }));
    return { module: ConfigModule, providers, exports: providers };
  }
}
