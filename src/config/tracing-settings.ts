import type { Config } from './config.js';
import type { Environment } from './environment.js';

/** Settings of OpenTelemetry for other signals than traces do not switch tracing on. */
export function isTraced(env: Readonly<Record<string, unknown>>): boolean {
  const { OTEL_SDK_DISABLED: disabled, OTEL_TRACES_EXPORTER: exporter } = env;
  if (exporter === 'none' || /^true$/i.test(String(disabled))) return false;
  return Boolean(
    exporter ??
    env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ??
    env['OTEL_EXPORTER_OTLP_ENDPOINT'],
  );
}

/** The protocol of the traces; `off` without an endpoint. */
export function tracingOf(env: Environment): Config['tracing'] {
  if (!isTraced(env)) return 'off';
  const { OTEL_EXPORTER_OTLP_PROTOCOL: general = 'http/protobuf' } = env;
  return env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? general;
}
