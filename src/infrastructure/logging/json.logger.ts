import type { LoggerService } from '@nestjs/common';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
/** Contexts of Nest's own messages at the start. They are logged at debug. */
const NEST_CONTEXTS = new Set<string | undefined>([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);

export type LogLevel = (typeof LEVELS)[number];

/**
 * Writes one JSON object a line to stdout: `level`, `time`, `context`, `message` and the fields
 * of the logged object. Of an error it writes name, message and cause. It does not search for
 * secrets: callers must not pass bodies or secrets.
 */
export class JsonLogger implements LoggerService {
  constructor(private readonly threshold: LogLevel) {}

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.write('info', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  private write(level: LogLevel, message: unknown, rest: readonly unknown[]): void {
    const context = rest.findLast((part) => typeof part === 'string');
    const weight = NEST_CONTEXTS.has(context) && level === 'info' ? 'debug' : level;
    if (LEVELS.indexOf(weight) < LEVELS.indexOf(this.threshold)) return;
    const line = {
      level: weight,
      time: new Date().toISOString(),
      context,
      ...fields(message),
    };
    process.stdout.write(`${JSON.stringify(line, plainErrors)}\n`);
  }
}

function fields(message: unknown): object {
  if (message instanceof Error) return { message: message.message, error: message };
  return typeof message === 'object' && message !== null ? message : { message };
}

function plainErrors(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, cause } = value;
  return { name, message, ...(cause instanceof Error ? { cause } : {}) };
}
