import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JsonLogger } from '../../../../src/infrastructure/logging/json.logger.js';
import { RedisAvailability } from '../../../../src/infrastructure/redis/redis-availability.js';
import { LogCapture } from '../../../support/log-capture.js';

let log: LogCapture;
let availability: RedisAvailability;

beforeEach(() => {
  log = new LogCapture();
  Logger.overrideLogger(new JsonLogger('info'));
  availability = RedisAvailability.of({ url: 'redis://:s3cret@cache:6379' });
});

afterEach(() => {
  log[Symbol.dispose]();
  Logger.overrideLogger(false);
});

/** Message and problem of each line, without `Redis is`. */
const lines = () =>
  log.lines.map((line) => {
    const { message, problem } = JSON.parse(line) as Record<string, string>;
    return [message?.replace('Redis is ', ''), problem].filter(Boolean).join(': ');
  });

const error = (message: string, more = {}) => Object.assign(new Error(message), more);

describe('RedisAvailability', () => {
  it('is one for all connections with the same access', () => {
    const access = { url: 'redis://cache:6379' };
    expect(RedisAvailability.of(access)).toBe(RedisAvailability.of(access));
    expect(RedisAvailability.of(access)).not.toBe(availability);
  });

  it('ends an outage when the last failing connection works', () => {
    const [a, b] = [{}, {}];
    for (const connection of [a, b]) {
      availability.connectionFailed(connection, error('', { code: 'ECONNREFUSED' }));
    }
    availability.connectionWorks(a);
    availability.connectionWorks(a);
    expect(lines()).toEqual(['not available']);
    availability.connectionWorks(b);
    availability.connectionWorks(b);
    expect(lines()).toEqual(['not available', 'available again']);
  });

  it('logs each kind of problem once an outage', () => {
    const connection = {};
    const failWith = (message: string, more = {}) =>
      availability.connectionFailed(connection, error(message, more));
    failWith('All sentinels are unreachable. Retrying after 10ms.');
    failWith('All sentinels are unreachable. Retrying after 20ms.');
    failWith('WRONGPASS invalid password');
    failWith('WRONGPASS user is disabled');
    expect(lines()).toEqual([
      'not available: All sentinels are unreachable. Retrying after 10ms.',
      'not available: WRONGPASS invalid password',
    ]);
    availability.connectionWorks(connection);
    failWith('WRONGPASS invalid password');
    expect(lines().slice(2)).toEqual([
      'available again',
      'not available: WRONGPASS invalid password',
    ]);
  });

  it('names the causes that ioredis and Node.js put into other fields', () => {
    const errors = [error('connect ECONNREFUSED ::1:6379')];
    availability.connectionFailed({}, error('', { code: 'ECONNREFUSED', errors }));
    const lastNodeError = error('NOAUTH Authentication required.');
    availability.connectionFailed({}, error('Failed to refresh.', { lastNodeError }));
    expect(lines()).toEqual([
      'not available: connect ECONNREFUSED ::1:6379',
      'not available: Failed to refresh. NOAUTH Authentication required.',
    ]);
  });

  it('says nothing about a connection that the bridge has closed', () => {
    const connection = {};
    availability.connectionFailed(connection, error('LOADING'));
    availability.forget(connection);
    availability.connectionWorks(connection);
    expect(lines()).toEqual(['not available: LOADING']);
    availability.connectionFailed(connection, error('LOADING'));
    expect(lines()).toHaveLength(2);
  });
});
