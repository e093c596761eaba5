import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  JsonLogger,
  type LogLevel,
} from '../../../../src/infrastructure/logging/json.logger.js';
import { LogCapture } from '../../../support/log-capture.js';

let log: LogCapture;

beforeEach(() => {
  log = new LogCapture();
});

afterEach(() => log[Symbol.dispose]());

const lines = () => log.lines.map((line) => JSON.parse(line) as Record<string, unknown>);

describe('JsonLogger', () => {
  it('writes one object a line with level, time, context and message', () => {
    new JsonLogger('info').warn('a\nb', 'Somewhere');
    expect(log.lines).toHaveLength(1);
    expect(log.text.indexOf('\n')).toBe(log.text.length - 1);
    expect(lines()).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        context: 'Somewhere',
        message: 'a\nb',
      },
    ]);
  });

  it('writes the fields of the logged object', () => {
    new JsonLogger('info').log({ message: 'listening', port: 8080 }, 'Main');
    expect(lines()[0]).toMatchObject({ level: 'info', message: 'listening', port: 8080 });
  });

  it('writes name, message and cause of an error, and no stack', () => {
    const error = new TypeError('outer', { cause: new Error('inner') });
    new JsonLogger('info').error({ message: 'failed', error });
    new JsonLogger('info').error(error, error.stack, 'Main');
    const plain = {
      name: 'TypeError',
      message: 'outer',
      cause: { name: 'Error', message: 'inner' },
    };
    expect(lines()).toMatchObject([
      { message: 'failed', error: plain },
      { message: 'outer', error: plain, context: 'Main' },
    ]);
    expect(log.text).not.toContain('json.logger.spec');
  });

  it.each<[LogLevel, string[]]>([
    ['debug', ['debug', 'debug', 'info', 'warn', 'error', 'error']],
    ['info', ['info', 'warn', 'error', 'error']],
    ['warn', ['warn', 'error', 'error']],
    ['error', ['error', 'error']],
  ])('with LOG_LEVEL=%s writes that level and above', (level, written) => {
    const logger = new JsonLogger(level);
    logger.debug('x');
    logger.verbose('x');
    logger.log('x');
    logger.warn('x');
    logger.error('x');
    logger.fatal('x');
    expect(lines().map((line) => line['level'])).toEqual(written);
  });

  it('writes Nest’s messages at the start only at debug', () => {
    new JsonLogger('info').log('Mapped {/x, GET} route', 'RouterExplorer');
    expect(log.lines).toEqual([]);
    new JsonLogger('debug').log('Mapped {/x, GET} route', 'RouterExplorer');
    expect(log.lines).toHaveLength(1);
  });
});
