import { describe, expect, it } from '@jest/globals';
import { VARIABLES } from '../../../src/config/environment.js';
import { unknownVariables } from '../../../src/config/unknown-variables.js';

describe('unknownVariables', () => {
  it.each([
    ['KAFKA_BROKER', 'KAFKA_BROKERS'],
    ['WEBHOOK_SECRET', 'WEBHOOK_SECRETS'],
    ['WEBHOOKS_SECRETS', 'WEBHOOK_SECRETS'],
    ['kafka_brokers', 'KAFKA_BROKERS'],
    ['GEMINI_APIKEY', 'GEMINI_API_KEY'],
    ['REDIS_PASSWORD', 'REDIS_PASSWORD_FILE'],
    ['API_TOKENS', 'API_TOKENS_FILE'],
    ['PORTS', 'PORT'],
    ['TOPIC_REPLICAS', undefined],
  ])('asks of %s whether %s is meant', (name, meant) => {
    const warnings = unknownVariables({ [name]: 'x' });
    expect(warnings).toEqual(
      meant === undefined
        ? []
        : [{ setting: name, warning: expect.stringContaining(`did you mean ${meant}?`) }],
    );
  });

  it('is silent on what others set', () => {
    const others = [
      ...VARIABLES,
      'PATH',
      'HOME',
      'HOSTNAME',
      'NODE_ENV',
      'NODE_OPTIONS',
      'KUBERNETES_SERVICE_HOST',
      'KAFKA_HOME',
      'KAFKA_OPTS',
      'KAFKA_PORT', // Kubernetes sets such ones for a Service named kafka.
      'KAFKA_SERVICE_HOST',
      'KAFKA_SERVICE_PORT',
      'REDIS_PORT',
      'REDIS_SERVICE_HOST',
      'GEMINI_PORT',
      'OTEL_SERVICE_NAME',
      'OTEL_EXPORTER_OTLP_HEADERS',
      'OTEL_METRICS_EXPORTER',
    ];
    const env = Object.fromEntries(others.map((name) => [name, 'x']));
    expect(unknownVariables(env)).toEqual([]);
  });

  it('is silent on an empty variable', () => {
    expect(unknownVariables({ KAFKA_BROKER: '' })).toEqual([]);
  });
});
