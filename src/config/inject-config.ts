import { Inject } from '@nestjs/common';
import type { Config } from './config.js';

/** Injection token of one slice of the configuration, for factories. */
export function configToken(slice: keyof Config): string {
  return `config.${slice}`;
}

/** Injects one slice of the configuration: `@InjectConfig('kafka') kafka: KafkaConfig`. */
export function InjectConfig(slice: keyof Config): ParameterDecorator {
  return Inject(configToken(slice));
}
